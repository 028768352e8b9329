package verify

import (
	"fmt"
	"maps"
	"slices"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
)

// checkHistory follows a later version of the set back to the first, as far as the
// pack holds the versions between: each begins with the items of the one before,
// and what was retired stays retired. An owner who could edit freely could drop the
// items that a friend got wrong.
func (r *rowJudge) checkHistory() {
	const name = "testset/history"
	if r.testset == nil {
		r.missing(name, "no test set")
		return
	}
	known, ok := r.histories[r.testsetSt]
	if !ok {
		alone := *r
		alone.row = &Row{}
		alone.followHistory(name)
		known = alone.row.Checks[0]
		r.histories[r.testsetSt] = known
	}
	r.add(known)
}

func (r *rowJudge) followHistory(name string) {
	versions := 1
	for s := r.testsetSt; ; versions++ {
		p := s.Statement.Predicate.(*attest.Testset)
		if other := r.rival(s); other != nil {
			r.refute(name, s.Statement.ID.String(), other.Statement.ID.String(), "the owner signed two versions for one place in the set's history")
			return
		}
		id, later := s.Statement.Head().Ref(attest.RoleTestset)
		if !later {
			// Of several nobody could say which items it begins with.
			several := slices.ContainsFunc(s.Statement.Head().Refs, func(ref attest.Ref) bool { return ref.Role == attest.RoleTestset })
			if several || len(p.Edits) > 0 || len(p.Consistency) > 0 {
				r.refute(name, "", "", "version %s follows another, or several, and does not name the one", s.Statement.ID.Short())
				return
			}
			break
		}
		before, q := lookup[*attest.Testset](r.judge, id)
		if before == nil || before.key == nil {
			r.missing(name, "version %s, which came before, is not in the pack under a key of its owner", id.Short())
			return
		}
		if before.issuer() != s.issuer() {
			r.refute(name, s.issuer(), before.issuer(), "the version before is another owner's")
			return
		}
		if err := beginsWith(q, p); err != nil {
			r.refute(name, "", "", "version %s does not follow from %s: %s", s.Statement.ID.Short(), id.Short(), err)
			return
		}
		was, is := r.artifact(q.Bitmap), r.artifact(p.Bitmap)
		if was == nil || is == nil {
			r.missing(name, "the lists of active items of versions %s and %s are not both in the pack", id.Short(), s.Statement.ID.Short())
			return
		}
		if err := follows(q, p, was, is); err != nil {
			r.refute(name, "", "", "version %s does not follow from %s: %s", s.Statement.ID.Short(), id.Short(), err)
			return
		}
		s = before
	}
	if versions == 1 {
		r.add(Check{Name: name, State: NotApplicable, Detail: "the set's first version"})
		return
	}
	r.pass(name, "%d versions, each of which begins with the items of the one before", versions)
}

// rival is another version in the pack that follows the one that s follows.
func (r *rowJudge) rival(s *statement) *statement {
	p := s.Statement.Predicate.(*attest.Testset)
	id, later := s.Statement.Head().Ref(attest.RoleTestset)
	for _, other := range ofKind[*attest.Testset](r.judge) {
		q := other.Statement.Predicate.(*attest.Testset)
		if other == s || other.key == nil || other.issuer() != s.issuer() || q.SetID != p.SetID {
			continue
		}
		if its, also := other.Statement.Head().Ref(attest.RoleTestset); also == later && its == id {
			return other
		}
	}
	return nil
}

// beginsWith says why version p of a set is none with the items of version q before
// its own, which takes the two statements alone.
func beginsWith(q, p *attest.Testset) error {
	size0, size := q.Version.Size, p.Version.Size
	switch {
	case q.SetID != p.SetID:
		return fmt.Errorf("it is of another set")
	case !slices.Equal(q.Fields, p.Fields) || q.KeyMember != p.KeyMember:
		return fmt.Errorf("it has other fields")
	case size < size0:
		return fmt.Errorf("it has %d items, fewer than %d", size, size0)
	}
	if err := attest.CheckConsistency(size0, q.Version.Root, size, p.Version.Root, p.Consistency); err != nil {
		return fmt.Errorf("it does not begin with the same items: %w", err)
	}
	return nil
}

// follows says why the active items of version p of a set do not follow from those
// of version q.
func follows(q, p *attest.Testset, was, is []byte) error {
	for i, v := range []struct {
		version attest.Version
		bitmap  []byte
	}{{q.Version, was}, {p.Version, is}} {
		if digest, err := testset.Active(v.version.Size, v.bitmap); err != nil || digest != v.version.Active {
			return fmt.Errorf("list %d of active items is not the one committed to", i+1)
		}
	}
	return followsActive(q.Version.Size, p.Version.Size, p.Edits, was, is)
}

// followsActive compares what the lists of active items say was retired with what
// the edits say.
func followsActive(size0, size uint64, edits []attest.Edit, was, is []byte) error {
	edited := map[uint64]bool{}
	successor := map[uint64]bool{}
	for _, e := range edits {
		if edited[e.Retired] {
			return fmt.Errorf("item %d is retired twice", e.Retired)
		}
		edited[e.Retired] = true
		if e.Successor == nil {
			continue
		}
		if s := *e.Successor; s < size0 || s >= size || successor[s] {
			return fmt.Errorf("item %d has the successor %d, which is no new item of its own", e.Retired, s)
		}
		successor[*e.Successor] = true
	}
	for i := range size0 {
		before, now := testset.IsActive(was, i), testset.IsActive(is, i)
		switch {
		case !before && now:
			return fmt.Errorf("item %d had been retired and is active again", i)
		case before && !now && !edited[i]:
			return fmt.Errorf("item %d was retired without a word", i)
		case edited[i] && (now || !before):
			return fmt.Errorf("item %d is not what this version retired", i)
		}
		delete(edited, i)
	}
	if len(edited) > 0 {
		return fmt.Errorf("it retires item %d, which the version before did not have", slices.Min(slices.Collect(maps.Keys(edited))))
	}
	return nil
}
