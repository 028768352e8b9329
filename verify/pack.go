package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
)

// Limits on the work that a pack can ask for: each published score costs as much as
// the run behind it, whoever published it.
const (
	maxRows = 4096
	maxRead = 64 << 30 // bytes of artifacts, each counted as often as it is read
)

// Options of a verification.
type Options struct {
	// At is the time for which the verdict is reached. Cosignatures dated later do
	// not count, heads must be fresh then. It must be set.
	At time.Time
	// Published is what the verifier found in the published model files; nil when
	// it did not look.
	Published *Published
	// Scans are what ScanInto returned for this pack.
	Scans []Scan
	// CheckToken, when set, reports by when at the latest a message existed if a token of
	// RFC 3161 is over it and the authority made that, ErrOtherBytes where it is over
	// something else. It is asked once for the same bytes. When it is nil, and always
	// in a browser, no token counts, and the verdict says so.
	CheckToken func(token, message []byte, by *TSA) (time.Time, error)
}

// Published is the identity of model files as the verifier recomputed it.
type Published struct {
	ID        attest.Hash
	Package   attest.Hash // of all files, weights or not
	Roles     []attest.RoleDigest
	Uncovered []string
	From      string // where the files were, for the report

	// Compare, when set, compares a released model with what is published where less
	// than every byte was read. There is no ID then, nor what comes with it.
	Compare func(*model.Model) (*Comparison, error)
}

// Pack judges every score that the pack's claims and releases publish. An error
// means that the pack could not be judged, which is CANNOT CHECK: artifacts with
// other bytes than their names say, more scores than anybody publishes, a time of
// zero, a cancelled context.
func Pack(ctx context.Context, p *attest.Pack, policy *Policy, opts Options) (*Verdict, error) {
	return New(policy).Pack(ctx, p, opts)
}

// Verifier judges packs under one policy. What packs have in common it checks once: it
// remembers, within bounds, what came of the very bytes that it checked. It is safe
// for concurrent use.
type Verifier struct {
	policy *Policy
	memo   memo
}

// New returns a Verifier that has not seen anything yet.
func New(policy *Policy) *Verifier { return &Verifier{policy: policy} }

// Reader reads packs for the verifier: an entry that many packs hold is parsed once.
func (v *Verifier) Reader() attest.Reader {
	type parsed struct {
		entry *attest.Entry
		err   error
	}
	return attest.Reader{Parse: func(data []byte) (*attest.Entry, error) {
		p := recall(&v.memo, "entry", 4*len(data), func() (p parsed) {
			p.entry, p.err = attest.ParseEntry(data)
			return p
		}, data)
		return p.entry, p.err
	}}
}

// Pack is the function Pack under the verifier's policy.
func (v *Verifier) Pack(ctx context.Context, p *attest.Pack, opts Options) (*Verdict, error) {
	if opts.At.IsZero() {
		return nil, errors.New("verify: no verification time")
	}
	j := &judge{pack: p, policy: v.policy, opts: opts, memo: &v.memo, unread: maxRead}
	if err := j.load(ctx); err != nil {
		return nil, err
	}
	carriers := slices.Concat(ofKind[*attest.Claim](j), ofKind[*attest.Release](j))
	if n := countScores(carriers); n > maxRows {
		return nil, fmt.Errorf("evidence pack: %d published scores, at most %d are judged", n, maxRows)
	}
	j.openings = j.loadOpenings()
	out := &Verdict{Required: v.policy.Require.Level, Policy: v.policy.Hash, At: opts.At, Claims: []Claim{}}
	for _, o := range j.openings {
		out.Openings = append(out.Openings, o.Opened)
	}
	for _, carrier := range carriers {
		claim, err := j.claim(ctx, carrier)
		if err != nil {
			return nil, err
		}
		if len(claim.Rows) == 0 {
			continue // a release without a table publishes no score
		}
		out.Claims = append(out.Claims, claim)
	}
	if j.broken != nil {
		return nil, j.broken
	}
	out.combine()
	out.NotShown = j.unshown(out)
	out.Trusting = j.trusting()
	return out, nil
}

// scores is what a claim or a release publishes.
func (s *statement) scores() (scores []attest.Score, variants bool) {
	switch p := s.Statement.Predicate.(type) {
	case *attest.Claim:
		return p.Scores, p.Variants
	case *attest.Release:
		return p.Scores, p.Variants
	}
	return nil, false
}

func countScores(carriers []*statement) int {
	n := 0
	for _, s := range carriers {
		scores, _ := s.scores()
		n += len(scores)
	}
	return n
}

// claim judges a table of scores.
func (j *judge) claim(ctx context.Context, carrier *statement) (Claim, error) {
	c := Claim{ID: carrier.Statement.ID, Kind: carrier.Statement.Kind(), Issuer: carrier.issuer(), Replaced: j.replaced(carrier)}
	switch p := carrier.Statement.Predicate.(type) {
	case *attest.Claim:
		c.Text = p.Text
	case *attest.Release:
		c.Text = "release of " + p.Name
	}
	scores, variants := carrier.scores()
	judges := make([]*rowJudge, len(scores))
	for i, s := range scores {
		judges[i] = j.row(carrier, s, variants)
		if err := cmp.Or(j.broken, ctx.Err()); err != nil {
			return Claim{}, err
		}
		j.notShownByRows = append(j.notShownByRows, judges[i].notShown...)
	}
	sameModel := sameModel(judges, variants)
	for _, r := range judges {
		r.add(sameModel)
		r.finish()
		c.Rows = append(c.Rows, *r.row)
	}
	return c, nil
}

// replaced reports whether what publishes scores was withdrawn by its issuer, and is
// in the pack beside something that the issuer published later. A correction looks
// like that: the chain leads over what was withdrawn.
func (j *judge) replaced(carrier *statement) bool {
	if carrier.key == nil || !j.withdrawn(carrier) {
		return false
	}
	return slices.ContainsFunc(j.signed[carrier.issuer()], func(s *statement) bool {
		scores, _ := s.scores()
		return len(scores) > 0 && s.Statement.Head().Seq > carrier.Statement.Head().Seq && !j.withdrawn(s)
	})
}

// sameModel compares the models of a table's rows. The rule exists because
// different variants have been shown for different benchmarks under one name.
func sameModel(rows []*rowJudge, variants bool) Check {
	c := Check{Name: "model/same-in-all-rows", State: Proven, Detail: "one row"}
	if len(rows) > 1 {
		c.Detail = "all rows are of one model"
	}
	var first *rowJudge // whose model is known
	for _, r := range rows {
		switch {
		case r.model.Kind == "" || r.registrationSt.key == nil:
			c.State, c.Detail = Missing, "the model of a row is not known"
		case first == nil:
			first = r
		case r.model == first.model:
		case variants:
			return Check{Name: c.Name, State: NotApplicable, Detail: "the rows are declared to be of different models"}
		case r.model.Kind == attest.ModelSealed || first.model.Kind == attest.ModelSealed:
			// Two seals can hide one model.
			c.State, c.Detail = Missing, "the model of a row is sealed still"
			if r.model.Kind != attest.ModelSealed {
				first = r
			}
		default:
			return Check{
				Name: c.Name, State: Contradicted, Want: describe(first.model), Got: describe(r.model),
				Detail: "rows " + first.row.Label + " and " + r.row.Label + " are of different models, and the table does not say so",
			}
		}
	}
	return c
}

func describe(m attest.ModelRef) string { return m.Kind + " " + m.ID.String() }
