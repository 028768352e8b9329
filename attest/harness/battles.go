package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

var arenaBattles = Importer{
	Name: "arena-battles",
	About: About{
		Files:     "battles of two models, as Arena and FastChat log them: a JSON array or JSON lines of objects with model_a, model_b and winner",
		Model:     "by model_a and model_b",
		Dataset:   "by the file's name; which board the battles are of is not in the file",
		Items:     "winner: model_a, model_b, tie, and tie (bothbad) or both_bad; anony and dedup_tag where battles have them; style from conv_metadata where all have it. Equal battles are told to be there again only if they have an id or a time",
		Aggregate: "none; Bradley–Terry ratings are computed, as FastChat and arena-rank do. A table of arena-catalog beside the log is taken to be of it only if one way to count gives nearly all of its ratings but for one shift of all",
		Absent:    "revision of the models, which battles a board leaves out and which models it does not show, the sampling weights of pairs; online Elo is not recomputed",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".jsonl") && hasMembers(head, '{', "model_a", "model_b", "winner") ||
			strings.HasSuffix(name, ".json") && hasMembers(head, '[', "model_a", "model_b", "winner")
	},
	Read: readBattles,
}

// Limits of a log of battles.
const (
	maxBattleModels = 2000
	maxOdds         = 3
	maxMarks        = 1<<16 - 1
	maxTokens       = 1<<31 - 1
)

func readBattles(fsys fs.FS, name string) (*Imported, error) {
	base, _, _ := strings.Cut(path.Base(uncompressedName(name)), ".")
	b := &battleReader{
		log:   &BattleLog{Format: "arena-battles", File: File{Path: name}, Board: "battles of " + base, Styles: &BattleStyles{}},
		index: map[string]int{}, pairs: map[[2]int]int{},
	}
	read := eachElement
	if strings.HasSuffix(uncompressedName(name), ".jsonl") {
		read = eachLineOf
	}
	if err := read(fsys, name, b.battle); err != nil {
		return nil, err
	}
	if b.log.Battles == 0 {
		return nil, errors.New("has no battles")
	}
	b.findAgain()
	return &Imported{Battles: []*BattleLog{b.log}}, nil
}

// battleReader counts a log as it is read.
type battleReader struct {
	log   *BattleLog
	index map[string]int
	pairs map[[2]int]int
	seen  []seenBattle
}

// battleFields are the members of a battle that are read.
type battleFields struct {
	a, b, winner, anony, dedup, metadata foreign
	unique                               bool // no two battles have all members alike
}

func battleOf(doc foreign) (f battleFields) {
	for _, m := range doc.members() {
		switch m.name {
		case "model_a":
			f.a = m.value
		case "model_b":
			f.b = m.value
		case "winner":
			f.winner = m.value
		case "anony":
			f.anony = m.value
		case "dedup_tag":
			f.dedup = m.value
		case "conv_metadata":
			f.metadata = m.value
		case "id", "battle_id", "tstamp", "timestamp":
			f.unique = f.unique || !m.value.isNull()
		}
	}
	return f
}

func (r *battleReader) battle(line int, doc foreign) error {
	if r.log.Battles++; r.log.Battles > MaxItems {
		return errTooMany
	}
	f := battleOf(doc)
	a, err := r.model("model_a", f.a)
	if err != nil {
		return err
	}
	b, err := r.model("model_b", f.b)
	if err != nil {
		return err
	}
	kind, err := r.kind(f)
	if err != nil {
		return err
	}
	if f.unique {
		r.seen = append(r.seen, seenBattle{TextDigest(doc), uint32(line)})
	}
	outcome, ok := battleOutcome(f.winner)
	switch {
	case !ok:
		r.odd(line, f.winner)
		return nil
	case a == b:
		r.log.Self++
		return nil
	}
	r.count(a, b, kind, outcome)
	r.style(f.metadata, StyledBattle{A: a, B: b, Kind: kind, Outcome: outcome})
	return nil
}

func (r *battleReader) model(member string, v foreign) (int, error) {
	name, ok := v.text()
	if !ok || name == "" {
		return 0, fmt.Errorf("%s is %s, want a model's name", member, v.describe())
	}
	i, ok := r.index[name]
	if !ok {
		if i = len(r.log.Models); i == maxBattleModels {
			return 0, fmt.Errorf("more than %d models", maxBattleModels)
		}
		r.index[name] = i
		r.log.Models = append(r.log.Models, name)
	}
	return i, nil
}

// kind is what a battle is by anony and dedup_tag; where they are absent nothing speaks
// against a battle.
func (r *battleReader) kind(f battleFields) (int, error) {
	truth := func(member string, v foreign) (bool, error) {
		switch {
		case v == nil || v.isNull() || string(v) == "true":
			return true, nil
		case string(v) == "false":
			return false, nil
		}
		return false, fmt.Errorf("%s is %s, want true or false", member, v.describe())
	}
	anony, err := truth("anony", f.anony)
	if err != nil {
		return 0, err
	}
	sampled, err := truth("dedup_tag: sampled", f.dedup.get("sampled"))
	if err != nil {
		return 0, err
	}
	switch {
	case !anony:
		r.log.Narrow[EveryBattle] = true
		return EveryBattle, nil
	case !sampled:
		r.log.Narrow[Anonymous] = true
		return Anonymous, nil
	}
	return Sampled, nil
}

func battleOutcome(winner foreign) (int, bool) {
	text, _ := winner.text()
	switch text {
	case "model_a":
		return FirstWon, true
	case "model_b":
		return SecondWon, true
	case "tie":
		return Tied, true
	case "tie (bothbad)", "both_bad":
		return BothBad, true
	}
	return 0, false
}

// odd notes an outcome that is not known.
func (r *battleReader) odd(line int, winner foreign) {
	if r.log.Odd++; len(r.log.Odds) < maxOdds {
		r.log.Odds = append(r.log.Odds, fmt.Sprintf("%s on line %d", winner.describe(), line))
	}
}

func (r *battleReader) count(a, b, kind, outcome int) {
	if a > b {
		a, b = b, a
		switch outcome {
		case FirstWon:
			outcome = SecondWon
		case SecondWon:
			outcome = FirstWon
		}
	}
	at, ok := r.pairs[[2]int{a, b}]
	if !ok {
		at = len(r.log.Pairs)
		r.pairs[[2]int{a, b}] = at
		r.log.Pairs = append(r.log.Pairs, BattlePair{A: a, B: b})
	}
	r.log.Pairs[at].Counts[kind][outcome]++
}
