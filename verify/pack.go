package verify

import (
	"context"
	"errors"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// Options of a verification.
type Options struct {
	// At is the time for which the verdict is reached. Cosignatures dated later do
	// not count, heads must be fresh then. It must be set.
	At time.Time
	// Published is what the verifier found in the published model files; nil when
	// it did not look.
	Published *Published
}

// Published is the identity of model files as the verifier recomputed it.
type Published struct {
	ID        attest.Hash
	Roles     []attest.RoleDigest
	Uncovered []string
	From      string // where the files were, for the report
}

// Pack judges every score that the pack's claims and releases publish. An error
// means that the pack could not be judged, which is CANNOT CHECK: artifacts with
// other bytes than their names say, a time of zero, a cancelled context.
func Pack(ctx context.Context, p *attest.Pack, policy *Policy, opts Options) (*Verdict, error) {
	if opts.At.IsZero() {
		return nil, errors.New("verify: no verification time")
	}
	j := &judge{pack: p, policy: policy, opts: opts}
	j.load()
	v := &Verdict{Required: policy.Require.Level, Policy: policy.Hash, At: opts.At}
	for _, carrier := range append(ofKind[*attest.Claim](j), ofKind[*attest.Release](j)...) {
		claim := j.claim(carrier)
		if len(claim.Rows) == 0 {
			continue // a release without a table publishes no score
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v.Claims = append(v.Claims, claim)
	}
	if j.broken != nil {
		return nil, j.broken
	}
	v.combine()
	v.NotShown = j.notShown(v)
	v.Trusting = j.trusting()
	return v, nil
}

// claim judges a table of scores.
func (j *judge) claim(carrier *statement) Claim {
	c := Claim{ID: carrier.Statement.ID, Kind: carrier.Statement.Kind(), Issuer: carrier.issuer()}
	var scores []attest.Score
	variants := false
	switch p := carrier.Statement.Predicate.(type) {
	case *attest.Claim:
		c.Text, scores, variants = p.Text, p.Scores, p.Variants
	case *attest.Release:
		c.Text, scores, variants = "release of "+p.Name, p.Scores, p.Variants
	}
	judges := make([]*rowJudge, len(scores))
	for i, s := range scores {
		judges[i] = j.row(carrier, s, variants)
	}
	sameModel := sameModel(judges, variants)
	for _, r := range judges {
		r.add(sameModel)
		r.finish()
		c.Rows = append(c.Rows, *r.row)
	}
	return c
}

// sameModel compares the models of a table's rows. The rule exists because
// different variants have been shown for different benchmarks under one name.
func sameModel(rows []*rowJudge, variants bool) Check {
	c := Check{Name: "model/same-in-all-rows", State: Proven, Detail: "one row"}
	if len(rows) > 1 {
		c.Detail = "all rows are of one model"
	}
	for _, r := range rows {
		if r.model.Kind == "" {
			c.State, c.Detail = Missing, "the model of a row is not known"
			continue
		}
		if first := rows[0].model; first.Kind != "" && r.model != first {
			if variants {
				return Check{Name: c.Name, State: NotApplicable, Detail: "the rows are declared to be of different models"}
			}
			c.State, c.Detail = Contradicted, "rows "+rows[0].row.Label+" and "+r.row.Label+" are of different models, and the table does not say so"
			c.Want, c.Got = describe(first), describe(r.model)
			return c
		}
	}
	return c
}

func describe(m attest.ModelRef) string { return m.Kind + " " + m.ID.String() }
