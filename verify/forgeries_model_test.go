package verify

import (
	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

// modelForgeries are about which model was run, and which released.
func modelForgeries() []forgery {
	return []forgery{
		{
			name: "other-package", what: "the release names the package of other files beside the modelID of those that were run",
			expect:    "contradicted model/package",
			hooks:     hooks{release: func(_ *world, p *attest.Release) { *p.Package = digest("another package") }},
			published: publishedModel("weights"),
		},
		{
			name: "copied-seal", what: "the lab copied the sealed commitment of another lab, and opens it with what that one published",
			expect: "contradicted model/seal", also: []string{"model/same-as-released"},
			base: hooks{sealed: true},
			hooks: hooks{sealed: true, model: func(w *world, p *attest.Model) {
				p.Model.ID = model.Seal(sealSecret, otherLab, weightsOf(w.t, modelRoles()).ID)
			}},
		},
		{
			name: "seal-opened-twice", what: "the release opens the seal once with the right secret and once with another",
			expect: "contradicted model/seal", also: []string{"model/same-as-released"},
			base: hooks{sealed: true},
			hooks: hooks{sealed: true, release: func(_ *world, p *attest.Release) {
				other := p.Seals[0]
				other.Secret[5] ^= 1
				p.Seals = append(p.Seals, other)
			}},
		},
	}
}
