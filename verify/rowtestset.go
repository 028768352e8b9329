package verify

import (
	"fmt"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/testset"
)

func (r *rowJudge) checkTestset() {
	const committed, skeleton, active = "testset/committed", "testset/skeleton", "testset/active"
	if r.testset == nil {
		for _, name := range []string{committed, skeleton, active} {
			r.missing(name, "no test set")
		}
		return
	}
	want := attest.TestsetRef{SetID: r.testset.SetID, Version: r.testset.Version}
	switch id := testset.ID(r.testsetSt.issuer(), r.testset.Name); {
	case r.policy.Denied(id) == "set":
		r.missing(committed, "the policy denies this test set")
	case r.registration.TestsetName != r.testset.Name:
		r.refute(committed, r.testset.Name, r.registration.TestsetName, "the run was registered under another name than the set's")
	case id != r.testset.SetID:
		r.refute(committed, id.String(), r.testset.SetID.String(), "the set's id does not follow from its owner and name")
	default:
		r.compare(committed, versionText(want), versionText(r.registration.Testset),
			fmt.Sprintf("%d items of %q, committed to in the name of %s", r.testset.Version.Size, r.testset.Name, r.testsetSt.issuer()),
			"the run was registered on another version than the one committed to")
	}
	if s := r.skeleton(r.testset.Skeleton); s == nil {
		r.missing(skeleton, "the leaf hashes are not in the pack")
	} else if s.err != nil {
		r.refute(skeleton, "", "", "%s", s.err)
	} else {
		got := attest.Version{Size: uint64(len(s.leaves)), Root: s.root}
		r.compare(skeleton, treeText(r.testset.Version), treeText(got),
			"the leaf hashes have the committed root", "the leaf hashes are not those committed to")
	}
	if data := r.artifact(r.testset.Bitmap); data == nil {
		r.missing(active, "the list of active items is not in the pack")
	} else if digest, err := testset.Active(r.testset.Version.Size, data); err != nil {
		r.refute(active, "", "", "%s", err)
	} else {
		r.compare(active, r.testset.Version.Active.String(), digest.String(),
			"the list of active items is the committed one", "the list of active items is not the one committed to")
	}
}

func versionText(t attest.TestsetRef) string {
	return fmt.Sprintf("set %s, %s, active %s", t.SetID, treeText(t.Version), t.Active)
}

func treeText(v attest.Version) string { return fmt.Sprintf("%d items with root %s", v.Size, v.Root) }

// leaves returns the leaf hashes of the test set, or nil unless they are as many as
// the registration says.
func (r *rowJudge) leaves() []attest.Hash {
	if r.testset == nil {
		return nil
	}
	s := r.skeleton(r.testset.Skeleton)
	if s == nil || s.err != nil || uint64(len(s.leaves)) != r.registration.Testset.Size {
		return nil
	}
	return s.leaves
}
