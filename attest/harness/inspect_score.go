package harness

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// inspectScore is one published number.
type inspectScore struct {
	scorer  string
	name    string // the scorer's, or the name of one of the grades that it gives
	metric  string // key of the metric, of which there may be several with one name
	kind    string // name of the metric
	reducer string // "" when the log names none
	value   foreign
	scored  foreign // how many reduced samples the number is of; nil in older logs

	clustered bool // a measure of spread that takes samples of a cluster together
}

// label is the metric as selections spell it.
func (s *inspectScore) label() string {
	label := s.metric
	if s.name != s.scorer {
		label = s.name + "/" + label
	}
	if s.reducer != "" && s.reducer != "mean" {
		label += "@" + s.reducer
	}
	return label
}

// String is how errors call the number.
func (s *inspectScore) String() string { return plain(s.label()) + " of " + quoteID(s.scorer) }

func (s *inspectScore) isMean() bool { return s.kind == "accuracy" || s.kind == "mean" }

// Metrics that say how far off a score may be. They are never what is meant
// unless they are named.
var spread = regexp.MustCompile(`^(std|stderr|var|bootstrap_stderr|ci|ci_[a-z_]+)$`)

// chooseScore finds the one published number that is meant.
func (run *inspectRun) chooseScore(log *Log, want Selection) error {
	all, err := run.published()
	if err != nil {
		return err
	}
	found := selectScores(all, want)
	switch {
	case len(all) == 0:
		return errors.New("the log has no published score: results.scores is missing or empty")
	case len(found) == 0:
		return fmt.Errorf("no score of metric %q and scorer %q: want one of %s (metric,scorer)", want.Metric, want.Filter, scoreList(all))
	case len(found) > 1:
		return fmt.Errorf("the log has several scores, select one of %s (metric,scorer)", scoreList(found))
	}
	run.score = found[0]
	log.Metric, log.Filter = run.score.label(), run.score.scorer
	if !run.score.value.isNumber() {
		return fmt.Errorf("%s is %s, want a number", &run.score, run.score.value.describe())
	}
	log.Aggregate = string(run.score.value)
	if _, err := reducer(run.score.reducer); err != nil {
		return fmt.Errorf("%s: %w", &run.score, err)
	}
	switch {
	case !run.score.isMean():
	case run.score.reducer == "":
		log.Aggregation = "mean"
	default:
		log.Aggregation = run.score.reducer
	}
	return nil
}

func (run *inspectRun) published() ([]inspectScore, error) {
	var all []inspectScore
	for _, s := range run.results.get("scores").elements() {
		scorer, _ := s.get("scorer").text()
		name, _ := s.get("name").text()
		reducer, _ := s.get("reducer").text()
		if scorer == "" || name == "" {
			return nil, fmt.Errorf("results.scores: a score of scorer %q and name %q, want both", scorer, name)
		}
		for _, m := range s.get("metrics").members() {
			kind, _ := m.value.get("name").text()
			if group, _ := m.value.get("group").text(); group != "" {
				kind = group + "/" + kind // one of the values of a metric that has several
			}
			all = append(all, inspectScore{
				scorer: scorer, name: name, metric: m.name, kind: kind, reducer: reducer,
				value: m.value.get("value"), scored: s.get("scored_samples"), clustered: clustered(m.value),
			})
		}
	}
	return all, nil
}

// clustered reports that a metric has a cluster among its parameters.
func clustered(metric foreign) bool {
	for _, where := range []string{"params", "options"} {
		if v := metric.get(where, "cluster"); v != nil && !v.isNull() {
			return true
		}
	}
	return false
}

// selectScores narrows what is published to what may be meant. An exact label
// wins over a name or a metric within it, and without a metric a mean wins over
// everything else. The reducer that is wanted decides between what is left.
func selectScores(all []inspectScore, want Selection) []inspectScore {
	only := func(in []inspectScore, keep func(*inspectScore) bool) []inspectScore {
		return slices.DeleteFunc(slices.Clone(in), func(s inspectScore) bool { return !keep(&s) })
	}
	found := only(all, func(s *inspectScore) bool { return want.Filter == "" || want.Filter == s.scorer })
	if want.Metric != "" {
		if exact := only(found, func(s *inspectScore) bool { return s.label() == want.Metric }); len(exact) > 0 {
			return exact
		}
		found = only(found, func(s *inspectScore) bool {
			return s.name != s.scorer && (s.name == want.Metric || s.metric == want.Metric)
		})
	}
	if means := only(found, (*inspectScore).isMean); len(means) > 0 {
		found = means
	} else {
		found = only(found, func(s *inspectScore) bool { return !spread.MatchString(s.kind) })
	}
	preferred := only(found, func(s *inspectScore) bool { return want.Reducer != "" && cmp.Or(s.reducer, "mean") == want.Reducer })
	if len(preferred) > 0 {
		return preferred
	}
	return found
}

func scoreList(scores []inspectScore) string {
	var names []string
	for _, s := range scores {
		names = append(names, plain(s.label()+","+s.scorer))
	}
	return list(names)
}

// unreduced reports that the epochs were not reduced at all.
func (run *inspectRun) unreduced() bool {
	v := run.eval.get("config", "epochs_reducer")
	return run.score.reducer == "" && v.isArray() && len(v.elements()) == 0
}

// inspectGrade is what one epoch of an item was given.
type inspectGrade struct {
	epoch uint64
	word  string // the value as logged, for the mode: C and 1 are two
	value *big.Rat
}

// inspectGrades collects the grades of a log, to compare them with what was published.
type inspectGrades struct {
	items map[string][]inspectGrade // by id
	order []string
}

func (g *inspectGrades) add(id string, grade inspectGrade) {
	if g.items == nil {
		g.items = map[string][]inspectGrade{}
	}
	if g.items[id] == nil {
		g.order = append(g.order, id)
	}
	g.items[id] = append(g.items[id], grade)
}

// check recomputes the published number from the grades.
func (g *inspectGrades) check(run *inspectRun, log *Log) error {
	var total mean
	if run.unreduced() {
		for _, all := range g.items {
			for _, x := range all {
				total.addItem(x.value, new(big.Rat).Abs(x.value))
			}
		}
	} else if err := g.reduce(&total, run.score.reducer); err != nil {
		return err
	}
	if v := run.score.scored; v != nil && !v.isNull() && string(v) != strconv.FormatInt(total.n, 10) {
		return fmt.Errorf("%s: scored_samples is %s, and the log has grades of %d", &run.score, v.describe(), total.n)
	}
	err := total.check(log.Aggregate)
	if err != nil && log.Aggregation == "" {
		err = fmt.Errorf("%w (the log does not say how it is aggregated; other than by the mean it is not recomputable here)", err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", &run.score, err)
	}
	return nil
}

func (g *inspectGrades) reduce(total *mean, name string) error {
	reduce, err := reducer(name)
	if err != nil {
		return err
	}
	for _, id := range g.order {
		all := g.items[id]
		slices.SortFunc(all, func(a, b inspectGrade) int { return cmp.Compare(a.epoch, b.epoch) })
		size := new(big.Rat)
		for _, x := range all {
			size.Add(size, new(big.Rat).Abs(x.value))
		}
		if x := reduce(all); x != nil {
			total.addItem(x, size.Quo(size, big.NewRat(int64(len(all)), 1)))
		}
	}
	return nil
}

var reducerWithK = regexp.MustCompile(`^(at_least|pass_at|pass_k)_([1-9][0-9]{0,5})$`)

// reducer returns what makes one grade of the epochs of an item, which come in
// order and are at least one. It returns nil where Inspect has no value either.
func reducer(name string) (func([]inspectGrade) *big.Rat, error) {
	switch name {
	case "", "mean":
		return meanGrade, nil
	case "median":
		return medianGrade, nil
	case "mode":
		return modeGrade, nil
	case "max":
		return maxGrade, nil
	}
	m := reducerWithK.FindStringSubmatch(name)
	if m == nil {
		return nil, fmt.Errorf("its reducer is %s, which is not recomputable here", quote(name))
	}
	k, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return nil, err
	}
	return func(all []inspectGrade) *big.Rat { return countGrade(m[1], k, all) }, nil
}

func meanGrade(all []inspectGrade) *big.Rat {
	sum := new(big.Rat)
	for _, x := range all {
		sum.Add(sum, x.value)
	}
	return sum.Quo(sum, big.NewRat(int64(len(all)), 1))
}

func medianGrade(all []inspectGrade) *big.Rat {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b inspectGrade) int { return a.value.Cmp(b.value) })
	n := len(sorted)
	return meanGrade(sorted[(n-1)/2 : n/2+1])
}

// modeGrade takes the value that is there most often, of several the one that
// came first.
func modeGrade(all []inspectGrade) *big.Rat {
	times := map[string]int{}
	for _, x := range all {
		times[x.word]++
	}
	best := all[0]
	for _, x := range all {
		if times[x.word] > times[best.word] {
			best = x
		}
	}
	return best.value
}

func maxGrade(all []inspectGrade) *big.Rat {
	return slices.MaxFunc(all, func(a, b inspectGrade) int { return a.value.Cmp(b.value) }).value
}

// countGrade reduces by how many of n epochs were correct: whether k were, or
// the chance that of k drawn at random one is (pass_at) or all are (pass_k).
func countGrade(kind string, k int64, all []inspectGrade) *big.Rat {
	n, correct := int64(len(all)), int64(0)
	for _, x := range all {
		if x.value.Cmp(big.NewRat(1, 1)) >= 0 {
			correct++
		}
	}
	switch {
	case kind == "at_least" && correct >= k:
		return big.NewRat(1, 1)
	case kind == "at_least":
		return new(big.Rat)
	case n < k:
		return nil
	case kind == "pass_at":
		return new(big.Rat).Sub(big.NewRat(1, 1), chance(n-correct, n, k))
	}
	return chance(correct, n, k)
}

// chance that k drawn of n are all among some m of them.
func chance(m, n, k int64) *big.Rat {
	return new(big.Rat).SetFrac(new(big.Int).Binomial(m, k), new(big.Int).Binomial(n, k))
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// inspectDecimal reads the value of a score as Inspect's metrics do by default.
// Where those warn and count a zero, it is an error.
func inspectDecimal(v foreign) (string, error) {
	s, ok := v.text()
	if !ok {
		switch {
		case v.isArray():
			return "", fmt.Errorf("is a list, %s, which has no single grade", v.describe())
		case v.isObject():
			var names []string
			for _, m := range v.members() {
				names = append(names, quote(m.name))
			}
			return "", fmt.Errorf("has several grades (%s), and none of them was published by its name", list(names))
		}
		return v.grade()
	}
	switch s {
	case "C":
		return "1", nil
	case "I", "N":
		return "0", nil
	case "P":
		return "0.5", nil
	}
	switch strings.ToLower(s) {
	case "yes", "true":
		return "1", nil
	case "no", "false":
		return "0", nil
	}
	if jsonNumber.MatchString(s) {
		return attest.NumberToDecimal(s)
	}
	return "", fmt.Errorf("is %s, want C, I, P, N, yes, no or a number", v.describe())
}
