package verify

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
)

// Opened is an opening of a test set that the pack holds, and whether what it
// discloses is what was committed to.
type Opened struct {
	ID      attest.Hash `json:"id"`
	Issuer  string      `json:"issuer"`
	Testset string      `json:"testset"`
	Items   uint64      `json:"items"` // opened
	Of      uint64      `json:"of"`    // items of the version
	Holders []string    `json:"holders,omitempty"`
	State   State       `json:"state"`
	Detail  string      `json:"detail"`
}

// openedSet is an opening with what it is held against.
type openedSet struct {
	Opened
	st    *statement
	setID attest.Hash
}

// public reports whether everybody can read it.
func (o *openedSet) public() bool { return len(o.Holders) == 0 }

// loadOpenings checks every opening of the pack against the version that it names.
func (j *judge) loadOpenings() (list []openedSet) {
	for _, s := range ofKind[*attest.Opening](j) {
		p := s.Statement.Predicate.(*attest.Opening).OpenedItems
		if p == nil {
			continue
		}
		o := openedSet{Opened{ID: s.Statement.ID, Issuer: s.issuer(), Testset: p.Name, Items: p.Opened, Of: p.Version.Size}, s, p.SetID}
		if p.Encrypted != nil {
			for _, h := range p.Encrypted.Holders {
				o.Holders = append(o.Holders, h.Holder)
			}
		}
		o.State, o.Detail = j.checkOpening(s, p)
		list = append(list, o)
	}
	return list
}

// checkOpening holds an opening against its set. Only what an owner says of its own
// set can be false of it: anybody can sign anything of another's.
func (j *judge) checkOpening(s *statement, p *attest.OpenedItems) (State, string) {
	setSt, set := lookup[*attest.Testset](j, s.ref(attest.RoleTestset))
	switch {
	case s.key == nil:
		return Missing, s.unsigned
	case set == nil || setSt.key == nil:
		return Missing, "the version that it opens is not in the pack under a key of its owner"
	case setSt.issuer() != s.issuer():
		return Missing, fmt.Sprintf("the set is %s's, and what others sign of it counts for nothing", setSt.issuer())
	case p.SetID != set.SetID || p.Version != set.Version || p.Name != set.Name:
		return Contradicted, "it is of another version than the one that it names"
	}
	data := j.artifact(p.Opening)
	switch {
	case data == nil && p.Encrypted != nil:
		return Missing, "encrypted: only its holders can check it"
	case data == nil:
		return Missing, "the opening is not in the pack, its digest alone"
	}
	lints, err := readOpening(data, set, p)
	if err != nil {
		return Contradicted, err.Error()
	}
	detail := "what it discloses is what was committed to"
	if len(lints) > 0 {
		detail += fmt.Sprintf("; item %d, field %q: %s", lints[0].Index, lints[0].Field, lints[0].Reason)
	}
	if s.verified == nil {
		detail += "; when it was opened, nothing shows: " + s.unlogged
	}
	return Proven, detail
}

// readOpening checks the opened items, and that they are as many and with the fields
// that the statement says.
func readOpening(data []byte, set *attest.Testset, p *attest.OpenedItems) ([]testset.Lint, error) {
	want := testset.Set{ID: set.SetID, Fields: set.Fields, Size: set.Version.Size, Root: set.Version.Root}
	opening, err := testset.ScanOpening(bytes.NewReader(data), want, testset.OpeningConfig{}, func(item testset.OpenedItem) error {
		for _, f := range p.Fields {
			if _, ok := item.Fields[f]; !ok {
				return fmt.Errorf("opening: item %d keeps the field %q closed, which the statement opens", item.Index, f)
			}
		}
		if len(item.Fields) > len(p.Fields) {
			return fmt.Errorf("opening: item %d opens more fields than the statement says, %s", item.Index, strings.Join(p.Fields, ", "))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if opening.Opened != p.Opened {
		return nil, fmt.Errorf("opening: opens %d items, and the statement says %d", opening.Opened, p.Opened)
	}
	return opening.Lints, nil
}

// checkOpenings sums up what the owner opened of the row's set.
func (r *rowJudge) checkOpenings() {
	const name = "testset/openings"
	if r.testset == nil {
		r.missing(name, "no test set")
		return
	}
	state, items := NotApplicable, 0
	var unchecked []string
	for _, o := range r.openings {
		if o.st.key == nil || o.setID != r.testset.SetID || o.Issuer != r.testsetSt.issuer() {
			continue
		}
		switch o.State {
		case Contradicted:
			r.add(Check{Name: name, State: Contradicted, Evidence: []attest.Hash{o.ID}, Detail: o.Detail})
			return
		case Missing:
			unchecked = append(unchecked, fmt.Sprintf("%d items: %s", o.Items, o.Detail))
		default:
			items += int(o.Items)
		}
		state = Proven
	}
	switch {
	case state == NotApplicable:
		r.add(Check{Name: name, State: NotApplicable, Detail: "the pack holds no opening of this set"})
	case len(unchecked) > 0:
		r.missing(name, "%s", strings.Join(unchecked, "; "))
	default:
		r.pass(name, "%d opened items are what the owner committed to", items)
	}
}

// heldByOpening says which opening put the set's items into the hands of a lab or an
// evaluator before a statement of the owner: those for everybody, and those for them.
func (r *rowJudge) heldByOpening(before *statement, parties ...string) error {
	for _, o := range r.openings {
		if o.st.key == nil || o.setID != r.registration.Testset.SetID || o.Issuer != before.issuer() || o.st.Statement.Head().Seq > before.Statement.Head().Seq {
			continue
		}
		if o.public() {
			return fmt.Errorf("everybody held items before: the owner opened %d of them", o.Items)
		}
		ours := func(holder string) bool {
			return slices.ContainsFunc(parties, func(p string) bool { return r.policy.sameParty(holder, p) })
		}
		if i := slices.IndexFunc(o.Holders, ours); i >= 0 {
			return fmt.Errorf("%s held items before: the owner opened %d of them for it", o.Holders[i], o.Items)
		}
	}
	return nil
}
