package verify

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/verify/score"
)

// exactText prints an exact score two decimals finer than it was published.
func exactText(exact *big.Rat, s attest.Score) string {
	x := new(big.Rat).Set(exact)
	unit := ""
	if s.Scale == "100" {
		x.Mul(x, big.NewRat(100, 1))
		unit = " %"
	}
	return score.Decimal(x, s.Decimals+2) + unit
}

func (r *rowJudge) checkModel() {
	const committed, seal, released = "model/committed", "model/seal", "model/same-as-released"
	if r.registration == nil {
		r.without("no registration", committed, seal, released)
		return
	}
	r.checkCommitted(committed)
	var release *attest.Release
	if r.releaseSt != nil {
		release = r.releaseSt.Statement.Predicate.(*attest.Release)
	}
	r.checkSeal(seal, release)
	switch {
	case release == nil:
		r.missing(released, "no release in the pack says which model was published")
	case r.releaseSt.issuer() != r.registration.Lab:
		r.missing(released, "the release is by %s, not by %s", r.releaseSt.issuer(), r.registration.Lab)
	case r.model.Kind == attest.ModelSealed:
		r.missing(released, "the model that was run is sealed still")
	case r.variants && r.model != release.Model:
		r.missing(released, "a declared variant, of which the pack holds no release")
	case release.Model.Kind == attest.ModelEndpoint && release.Model.ID != endpointID(release.Endpoint):
		r.refute(released, endpointID(release.Endpoint).String(), release.Model.ID.String(), "the released endpoint's id does not follow from its parts")
	default:
		r.compare(released, describe(release.Model), describe(r.model),
			"the model that was run is the one released as "+strconv.Quote(release.Name),
			"the model that was run is not the one released as "+strconv.Quote(release.Name))
	}
}

func (r *rowJudge) checkCommitted(name string) {
	if r.modelSt == nil {
		r.missing(name, "the model's statement is not in the pack")
		return
	}
	p := r.modelSt.Statement.Predicate.(*attest.Model)
	if r.modelSt.issuer() != r.registration.Lab {
		r.refute(name, r.registration.Lab, r.modelSt.issuer(), "the model's statement is not by the registered lab")
		return
	}
	if want, err := derivedModel(p); err != nil {
		r.refute(name, "", "", "%s", err)
		return
	} else if want != p.Model {
		r.refute(name, describe(want), describe(p.Model), "the model's id does not follow from its parts")
		return
	}
	r.compare(name, describe(p.Model), describe(r.registration.Model),
		fmt.Sprintf("%q, committed to in the name of %s", p.Name, r.modelSt.issuer()), "the run was registered for another model than its model statement's")
}

// derivedModel recomputes a model's id from the parts that its statement lists. A
// sealed model has none to show.
func derivedModel(p *attest.Model) (attest.ModelRef, error) {
	switch p.Model.Kind {
	case attest.ModelWeights:
		id, err := model.ID(p.Roles)
		return attest.ModelRef{Kind: attest.ModelWeights, ID: id}, err
	case attest.ModelEndpoint:
		return attest.ModelRef{Kind: attest.ModelEndpoint, ID: endpointID(p.Endpoint)}, nil
	}
	return p.Model, nil
}

func endpointID(e *attest.Endpoint) attest.Hash { return model.EndpointID(e.Provider, e.URL, e.Model) }

// checkSeal opens a sealed model with what the release discloses, and from then
// on takes the model to be its weights.
func (r *rowJudge) checkSeal(name string, release *attest.Release) {
	if r.model.Kind != attest.ModelSealed {
		r.add(Check{Name: name, State: NotApplicable, Detail: "the model was not sealed"})
		return
	}
	if release != nil && r.releaseSt.issuer() == r.registration.Lab {
		opened := false
		for _, s := range release.Seals {
			if s.Commitment != r.model.ID {
				continue
			}
			if got := model.Seal(s.Secret, r.registration.Lab, release.Model.ID); got != s.Commitment {
				r.refute(name, s.Commitment.String(), got.String(), "the seal does not open to the released model: another one was run")
				return
			}
			opened = true
		}
		if opened {
			r.model = release.Model
			r.pass(name, "the seal opens to the released model")
			return
		}
	}
	r.missing(name, "no release in the pack opens the seal")
}

// checkPublished compares the release with what the verifier found in the published
// files, if it looked.
func (r *rowJudge) checkPublished() {
	const recomputed, uncovered, whole = "model/recomputed", "model/uncovered", "model/package"
	names := []string{recomputed, uncovered, whole}
	var release *attest.Release
	if r.releaseSt != nil {
		release = r.releaseSt.Statement.Predicate.(*attest.Release)
	}
	if release != nil && release.Package == nil {
		names = names[:2]
		r.add(Check{Name: whole, State: NotApplicable, Detail: "the release names no package"})
	}
	p := r.opts.Published
	switch {
	case p == nil:
		r.without("not checked: give the published files with --model", names...)
		return
	case release == nil:
		r.without("no release to compare the files with", names...)
		return
	case r.registration == nil || r.releaseSt.issuer() != r.registration.Lab:
		r.without("the release is not by the registered lab", names...)
		return
	case r.variants && r.model != release.Model:
		r.without("a declared variant, of which the pack holds no release", names...)
		return
	case release.Model.Kind != attest.ModelWeights:
		r.without("the release is of an endpoint, which has no files", names...)
		return
	}
	if p.Compare != nil {
		r.checkCompared(release, recomputed, uncovered, whole)
		return
	}
	r.compare(recomputed, release.Model.ID.String(), p.ID.String(),
		"recomputed from "+p.From, "the files in "+p.From+" are another model"+r.roleDifference(p))
	if len(p.Uncovered) > 0 {
		r.sawOther = true
		r.missing(uncovered, "outside the modelID: %s", strings.Join(p.Uncovered, ", "))
	} else {
		r.pass(uncovered, "every weight file is part of the modelID")
	}
	if release.Package != nil {
		r.checkPackage(whole, *release.Package, release.Model.ID)
	}
}

// checkPackage compares all files, whatever the modelID leaves out: one model can be
// cut into other files, but a release says of which it is.
func (r *rowJudge) checkPackage(name string, released, model attest.Hash) {
	p := r.opts.Published
	if p.ID != model {
		r.missing(name, "the files in %s are another model already", p.From)
		return
	}
	r.compare(name, released.String(), p.Package.String(),
		"all files in "+p.From+" are those that were released",
		"the model in "+p.From+" is the released one, and its files are not: one of them is another, or there are more or less (give them just as they were published)")
}

// roleDifference names the parts of the model that differ from its statement.
func (r *rowJudge) roleDifference(p *Published) string {
	if r.modelSt == nil {
		return ""
	}
	want := map[string]attest.Hash{}
	for _, role := range r.modelSt.Statement.Predicate.(*attest.Model).Roles {
		want[role.Role] = role.Digest
	}
	if len(want) == 0 {
		return ""
	}
	var differ []string
	for _, role := range p.Roles {
		if want[role.Role] != role.Digest {
			differ = append(differ, role.Role)
		}
		delete(want, role.Role)
	}
	differ = append(differ, slices.Sorted(maps.Keys(want))...)
	return ": different " + strings.Join(differ, ", ")
}
