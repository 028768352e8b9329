package history

import (
	"errors"

	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/verify/score/rating"
	"github.com/proctor-attest/proctor/verify/score/stat"
)

// way is one way to make ratings of a log of battles. Without style, FastChat and
// arena-rank come to the same but for one shift of all ratings, unless battles are
// weighted.
type way struct {
	kind       int // harness.EveryBattle, Anonymous or Sampled
	reweighted bool
	styled     bool
	convention rating.Convention
}

// usualWay is how ratings are made that no table has.
var usualWay = way{kind: harness.Anonymous}

func (w way) String() string {
	text := [...]string{
		harness.EveryBattle: "every battle", harness.Anonymous: "every battle that is not marked as not anonymous",
		harness.Sampled: "every anonymous battle that dedup_tag keeps",
	}[w.kind]
	if w.reweighted {
		text += ", weighted as arena-rank can"
	}
	if w.styled {
		text += ", adjusted for style as " + [...]string{rating.ArenaRank: "arena-rank", rating.FastChat: "FastChat"}[w.convention] + " does"
	}
	return text
}

// reweight is arena-rank's.
const reweight = 50

// waysOf are those that may give different ratings.
func waysOf(log *harness.BattleLog, styled bool) []way {
	kinds := []int{harness.EveryBattle}
	for _, kind := range []int{harness.Anonymous, harness.Sampled} {
		if log.Narrow[kind-1] {
			kinds = append(kinds, kind)
		}
	}
	var all []way
	for _, kind := range kinds {
		all = append(all, way{kind: kind, styled: styled}, way{kind: kind, styled: styled, reweighted: true})
		if styled {
			all = append(all, way{kind: kind, styled: true, convention: rating.FastChat})
		}
	}
	return all
}

// fitted is the ratings of a log.
type fitted struct {
	way     way
	ratings map[string]stat.Estimate // with no error where there is none
	unrated map[string]string        // why a model has no rating
	counts  map[string]*battleCounts
	err     error // why there are no ratings at all
}

type fitKey struct {
	log *harness.BattleLog
	way way
}

func (a *audit) fit(log *harness.BattleLog, w way) *fitted {
	k := fitKey{log, w}
	if a.fitted[k] == nil {
		a.fitted[k] = newFitted(log, w)
	}
	return a.fitted[k]
}

// maxUnrated is how often models that cannot be rated are left out.
const maxUnrated = 50

// newFitted leaves out models that cannot be compared with most others, which would
// leave all without ratings.
func newFitted(log *harness.BattleLog, w way) *fitted {
	f := &fitted{way: w, unrated: map[string]string{}, counts: countBattles(log, w.kind)}
	var fit *rating.Fit
	for range maxUnrated {
		var battles *rating.Battles
		if battles, f.err = f.battles(log); f.err != nil {
			return f
		}
		fit, f.err = rating.New(battles, w.config())
		var unrated *rating.UnratedError
		if !errors.As(f.err, &unrated) {
			break
		}
		for _, name := range unrated.Names {
			f.unrated[name] = unrated.Error()
		}
	}
	if f.err != nil {
		return f
	}
	f.ratings = map[string]stat.Estimate{}
	errs, err := fit.Sandwich()
	for i, name := range fit.Names {
		f.ratings[name] = stat.Estimate{Mean: fit.Ratings[i]}
		if err == nil {
			f.ratings[name] = errs[i]
		}
	}
	return f
}

func (w way) config() rating.Config {
	c := rating.Config{Convention: w.convention}
	if w.reweighted {
		c.Reweight = reweight
	}
	return c
}

// battles are those of models that are not left out.
func (f *fitted) battles(log *harness.BattleLog) (*rating.Battles, error) {
	if f.way.styled {
		return f.styled(log)
	}
	out := new(rating.Battles)
	for i := range log.Pairs {
		p := &log.Pairs[i]
		one, two := log.Models[p.A], log.Models[p.B]
		if f.unrated[one] != "" || f.unrated[two] != "" {
			continue
		}
		for outcome := range p.Counts[0] {
			if n := p.Count(f.way.kind, outcome); n > 0 {
				if err := out.AddCount(one, two, outcomes[outcome], int64(n)); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

var outcomes = [...]rating.Outcome{harness.FirstWon: rating.Won, harness.SecondWon: rating.Lost, harness.Tied: rating.Tied, harness.BothBad: rating.Tied}

func (f *fitted) styled(log *harness.BattleLog) (*rating.Battles, error) {
	if log.Styles == nil {
		return nil, errors.New("not every battle says the style of its answers")
	}
	out, err := rating.WithFeatures(harness.StyleFeatures...)
	if err != nil {
		return nil, err
	}
	x := make([]float64, len(harness.StyleFeatures))
	for i := range log.Styles.Len() {
		b := log.Styles.At(i)
		one, two := log.Models[b.A], log.Models[b.B]
		if b.Kind < f.way.kind || f.unrated[one] != "" || f.unrated[two] != "" {
			continue
		}
		for j, s := range b.Style {
			x[j] = f.way.convention.Difference(s[0], s[1])
		}
		if err := out.Add(one, two, outcomes[b.Outcome], x...); err != nil {
			return nil, err
		}
	}
	return out, nil
}
