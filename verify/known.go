package verify

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

const noLimit = math.MaxUint64

// known is as of when it is known what the ledgers of the policy hold of something, and
// by whose word.
type known struct {
	asOf time.Time
	by   []*inventory // none: every ledger was scanned
	why  string       // why it is not known
}

// need is what has to be known: an answer to one of these queries.
type need []attest.Query

// everywhere says as of when the policy's ledgers are known, each by a scan or by
// inventories that answer all that is needed. What is not found then is not there. That
// each ledger has one history is the word of its witnesses; those that lab, evaluator
// or one of the others run may cosign two.
func (r *rowJudge) everywhere(needs []need, others ...string) known {
	const notScanned = "not checked: the ledgers were not scanned (--ledger)"
	if len(r.opts.Scans) == 0 && (len(r.inventories) == 0 || len(needs) == 0) {
		return known{why: notScanned}
	}
	if r.registration != nil {
		others = append(others, r.registration.Lab, r.registration.Evaluator)
	}
	independent := func(witness string) bool { return r.policy.Independent(r.policy.Operator(witness), others...) }
	if !r.policy.Ledger.Intersecting(independent) {
		return known{why: "the policy's quorum can be met twice without a common witness that is independent of the parties: a ledger could have another history"}
	}
	var k known
	for _, log := range r.policy.Ledger.Logs() {
		asOf, why := r.scanned(log.Origin)
		if why == "" {
			k.least(asOf)
			continue
		}
		if len(r.opts.Scans) == 0 {
			why = notScanned
		}
		if len(r.inventories) == 0 || len(needs) == 0 {
			return known{why: why}
		}
		for _, n := range needs {
			inv, no := r.attested(log.Origin, n, others)
			if inv == nil {
				return known{why: why + "; " + no}
			}
			k.least(inv.asOf)
			k.by = append(k.by, inv)
		}
	}
	for _, inv := range k.by {
		r.monitors[inv.issuer()] = true
	}
	return k
}

func (k *known) least(asOf time.Time) {
	if k.asOf.IsZero() || asOf.Before(k.asOf) {
		k.asOf = asOf
	}
}

// scanned is as of when a ledger was scanned, or why that does not count. A copy from
// before a score was published shows nothing of the runs that were made until then.
func (r *rowJudge) scanned(origin string) (asOf time.Time, why string) {
	scan := r.scanOf(origin)
	switch {
	case scan == nil:
		return time.Time{}, fmt.Sprintf("the ledger %s was not scanned", origin)
	case scan.AsOf.IsZero():
		return time.Time{}, fmt.Sprintf("the scan of %s does not count: %s", origin, scan.Why)
	case r.opts.At.Sub(scan.AsOf) > r.policy.Fresh:
		return time.Time{}, fmt.Sprintf("the scan of %s is of %s; the policy wants one within %s", origin, stamp(scan.AsOf), r.policy.Fresh)
	}
	if early := r.tooEarly(origin, scan.Size, scan.AsOf); early != "" {
		return time.Time{}, "the scan of " + origin + early
	}
	return scan.AsOf, ""
}

// tooEarly says what was logged after a ledger was read that should have been found.
func (r *rowJudge) tooEarly(origin string, size uint64, asOf time.Time) string {
	for _, s := range r.relied() {
		if s.verified != nil && s.verified.Origin == origin && s.verified.Index >= size {
			return fmt.Sprintf(", of %d entries, ends before the %s that is judged", size, s.Statement.Kind())
		}
	}
	published, _ := r.bound(r.carrier, r.parties(r.carrier))
	if r.carrier.verified != nil && origin != r.carrier.verified.Origin && published.After(asOf.Add(r.policy.Skew)) {
		return fmt.Sprintf(" is of %s, before the score was published", stamp(asOf))
	}
	return ""
}

// attested is the newest inventory of a ledger that answers what is needed, by somebody
// who is independent of the parties; or why there is none.
func (r *rowJudge) attested(origin string, n need, parties []string) (best *inventory, why string) {
	why = fmt.Sprintf("no inventory says what %s holds of %s", origin, n[0])
	for _, inv := range r.inventories {
		if inv.said.Ledger != origin || !slices.Contains(n, inv.said.Query) {
			continue
		}
		no := inv.why
		if no == "" && !r.policy.Independent(inv.issuer(), parties...) {
			no = "its issuer is not known to be independent of the parties"
		}
		if no == "" {
			if early := r.tooEarly(origin, inv.said.Size, inv.asOf); early != "" {
				no = "its tree" + early
			}
		}
		switch {
		case no != "":
			why = fmt.Sprintf("the inventory %s of %s does not count: %s", inv.Statement.ID.Short(), inv.issuer(), no)
		case best == nil || inv.asOf.After(best.asOf):
			best = inv
		}
	}
	return best, why
}

// say adds a check that holds as far as it is known what the ledgers hold: proven where
// all were scanned, else attested by who says so.
func (r *rowJudge) say(name string, k known, format string, args ...any) {
	c := Check{Name: name, State: Proven, Detail: fmt.Sprintf(format, args...) + k.String()}
	if len(k.by) > 0 {
		c.State, c.By = Attested, k.by[0].issuer()
		for _, inv := range k.by {
			c.Evidence = append(c.Evidence, inv.Statement.ID)
		}
	}
	r.add(c)
}

// String says as of when, and by whose word.
func (k known) String() string {
	text := ", as of " + stamp(k.asOf)
	if len(k.by) == 0 {
		return text
	}
	var monitors []string
	read := map[string][]string{}
	for _, inv := range k.by {
		who, where := inv.issuer(), fmt.Sprintf("%s at size %d", inv.said.Ledger, inv.said.Size)
		if read[who] == nil {
			monitors = append(monitors, who)
		}
		if !slices.Contains(read[who], where) {
			read[who] = append(read[who], where)
		}
	}
	for i, who := range monitors {
		monitors[i] = who + " (" + strings.Join(read[who], ", ") + ")"
	}
	return text + ", attested by " + strings.Join(monitors, " and ")
}

// runsOf is what has to be known of a party's runs on a test set, in each of its names.
func (r *rowJudge) runsOf(lab string, set attest.Hash) (needs []need) {
	for _, name := range r.policy.names(lab) {
		needs = append(needs, need{{SetID: set, Lab: name}})
	}
	return needs
}

// statementsOf is what has to be known of all statements of issuers.
func statementsOf(issuers ...string) (needs []need) {
	for _, issuer := range slices.Compact(slices.Sorted(slices.Values(issuers))) {
		needs = append(needs, need{{Issuer: issuer}})
	}
	return needs
}
