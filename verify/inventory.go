package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// inventory is what a monitor says of a ledger. Who has not scanned the ledger can take
// the monitor's word for what is not there.
type inventory struct {
	*statement
	said  *attest.Inventory
	found []attest.Found
	asOf  time.Time // of its tree
	why   string    // why it attests nothing; "" if it does to those of whom it is independent
	false string    // what in it is not so
}

// listing is a statement that a monitor lists and the pack leaves out. What a pack
// leaves out contradicts nothing: it is not known what it says.
type listing struct {
	attest.Found
	by *inventory
}

func (l listing) String() string {
	return fmt.Sprintf("%s lists statement %d of %s, a %s (%s), and the pack leaves it out", l.by.issuer(), l.Seq, l.Issuer, l.Kind, l.ID.Short())
}

// listings are those that bear on what is asked.
type listings struct {
	about map[attest.Hash][]listing  // by the run, result or statement that they are about
	runs  map[attest.Query][]listing // registrations, by the query that found them
	forks map[string]*Check          // two statements of one number, by issuer; the pack lacks one or both
	first map[number]attest.Hash     // the pack's statement, or else the first that is listed
}

// number is one of an issuer's.
type number struct {
	issuer string
	seq    uint64
}

// loadInventories reads what monitors of the policy say in the pack.
func (j *judge) loadInventories() {
	j.left = listings{map[attest.Hash][]listing{}, map[attest.Query][]listing{}, map[string]*Check{}, map[number]attest.Hash{}}
	for _, s := range ofKind[*attest.Inventory](j) {
		if s.key == nil {
			continue
		}
		inv := &inventory{statement: s, said: s.Statement.Predicate.(*attest.Inventory)}
		j.inventories = append(j.inventories, inv)
		if inv.why = j.wrongRole(s); inv.why != "" {
			continue
		}
		if inv.why = j.readList(inv); inv.why != "" {
			continue
		}
		inv.why = j.discountInventory(inv)
		if scan := j.scanOf(inv.said.Ledger); scan == nil || scan.AsOf.IsZero() || scan.Size < inv.said.Size {
			j.list(inv) // else the scan has found it, or it is not there
		}
	}
}

func (j *judge) readList(inv *inventory) string {
	var list []byte
	if a := inv.said.List; a != nil {
		if list = j.artifact(*a); list == nil {
			return "its list is not in the pack"
		}
	}
	var err error
	if inv.found, err = inv.said.Listed(list); err != nil {
		inv.found = nil
		return err.Error()
	}
	return ""
}

// discountInventory says why an inventory attests nothing to anybody.
func (j *judge) discountInventory(inv *inventory) string {
	p := inv.said
	said, err := ledger.ParseCheckpoint([]byte(p.Checkpoint))
	switch {
	case j.withdrawn(inv.statement):
		return "it was withdrawn"
	case j.forkOf(inv.issuer()) != nil:
		return "its issuer's numbering has two branches"
	case j.notFresh(inv.statement) != "":
		return j.notFresh(inv.statement)
	case err != nil:
		return err.Error()
	case said.Origin != p.Ledger || said.Size != p.Size || said.Root != p.Root:
		return "its checkpoint is of another tree than it says"
	}
	var why string
	if inv.asOf, why, err = j.policy.asOf([]byte(p.Checkpoint), j.opts.At.Add(j.policy.Skew)); err != nil {
		return err.Error()
	}
	switch {
	case why != "":
		return why
	case j.opts.At.Sub(inv.asOf) > j.policy.Fresh:
		return fmt.Sprintf("its tree is of %s; the policy wants one within %s", stamp(inv.asOf), j.policy.Fresh)
	case j.split[p.Ledger] != "":
		return j.split[p.Ledger]
	}
	if inv.false = j.leavesOut(inv); inv.false == "" {
		inv.false = j.madeUp(inv)
	}
	return inv.false
}

// leavesOut says what the pack proves to be in the ledger, below the size that the
// inventory covers, and the inventory does not list.
func (j *judge) leavesOut(inv *inventory) string {
	listed := map[attest.Hash]bool{}
	for _, f := range inv.found {
		listed[f.ID] = true
	}
	a := newAsked(inv.said.Query)
	const within, elsewhere = 0, 1
	for _, id := range j.pack.IDs() {
		s := j.all[id]
		if s.key == nil || s.verified == nil {
			continue
		}
		at := elsewhere
		if s.verified.Origin == inv.said.Ledger && s.verified.Index < inv.said.Size {
			at = within
		}
		a.take(at, s.verified.Index, s.Statement, func() bool { return true })
	}
	a.settle()
	shown, _ := a.in(within)
	for _, f := range shown {
		if !listed[f.ID] {
			return fmt.Sprintf("it leaves out the %s %s of %s, entry %d of the %d that it covers", f.Kind, f.ID.Short(), f.Issuer, f.Index, inv.said.Size)
		}
	}
	return ""
}

// madeUp says what an inventory lists of a ledger that was scanned and does not hold it.
// Of what the scan looks for it adds everything to the pack.
func (j *judge) madeUp(inv *inventory) string {
	scan, q := j.scanOf(inv.said.Ledger), inv.said.Query
	ofSet := func(s *statement) bool {
		p, ok := s.Statement.Predicate.(*attest.Registration)
		return ok && p.Testset.SetID == q.SetID
	}
	if scan == nil || scan.AsOf.IsZero() || scan.Size < inv.said.Size || len(j.signed[q.Issuer]) == 0 && !slices.ContainsFunc(ofKind[*attest.Registration](j), ofSet) {
		return ""
	}
	for _, f := range inv.found {
		if j.all[f.ID] == nil && (q.Lab == "" || f.Kind == "registration") {
			return fmt.Sprintf("it lists the %s %s of %s, which the scan of the ledger does not find under a key of the policy", f.Kind, f.ID.Short(), f.Issuer)
		}
	}
	return ""
}

// list remembers what an inventory lists and the pack leaves out.
func (j *judge) list(inv *inventory) {
	for _, f := range inv.found {
		n := number{f.Issuer, f.Seq}
		first, ok := j.left.first[n]
		if !ok {
			if first = f.ID; j.numbered(n) != nil {
				first = j.numbered(n).Statement.ID
			}
			j.left.first[n] = first
		}
		if first != f.ID && j.left.forks[f.Issuer] == nil {
			j.left.forks[f.Issuer] = &Check{State: Missing, Evidence: []attest.Hash{first, f.ID},
				Detail: fmt.Sprintf("%s lists statement %d of %s as %s, and %s has that number: the pack does not show both", inv.issuer(), f.Seq, f.Issuer, f.ID.Short(), first.Short())}
		}
		if j.all[f.ID] != nil {
			continue
		}
		l := listing{f, inv}
		if !f.Of.IsZero() {
			j.left.about[f.Of] = append(j.left.about[f.Of], l)
		}
		if same := func(other listing) bool { return other.ID == f.ID }; f.Kind == "registration" && inv.said.Query.Lab != "" && !slices.ContainsFunc(j.left.runs[inv.said.Query], same) {
			j.left.runs[inv.said.Query] = append(j.left.runs[inv.said.Query], l)
		}
	}
}

// numbered is the pack's statement with a number, or nil.
func (j *judge) numbered(n number) *statement {
	list := j.signed[n.issuer]
	i, ok := slices.BinarySearchFunc(list, n.seq, func(s *statement, seq uint64) int { return cmp.Compare(s.Statement.Head().Seq, seq) })
	if !ok {
		return nil
	}
	return list[i]
}

// leftOut is a statement of a kind, by an issuer, about another, that a monitor lists
// and the pack leaves out; nil if there is none. Before is the number that it is below.
func (j *judge) leftOut(kind, issuer string, about attest.Hash, before uint64) *listing {
	for _, l := range j.left.about[about] {
		if l.Kind == kind && (issuer == "" || l.Issuer == issuer) && l.Seq < before {
			return &l
		}
	}
	return nil
}
