package ledger

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

// A rule is a witness, or a group of rules of which some number must hold. As
// each name is a member at most once, rules are trees. A nil rule always holds.
type rule struct {
	name    string
	witness bool
	grouped bool // is a member already
	need    int
	members []*rule
}

// metAt returns the smallest time at which the cosignatures dated no later meet
// the rule: for a group, the time at which the last of the members needed did.
func (r *rule) metAt(cosigned map[string]time.Time) (time.Time, bool) {
	if r.witness {
		t, ok := cosigned[r.name]
		return t, ok
	}
	var times []time.Time
	for _, m := range r.members {
		if t, ok := m.metAt(cosigned); ok {
			times = append(times, t)
		}
	}
	if len(times) < r.need {
		return time.Time{}, false
	}
	// By package sort: slices makes kilobytes of code of each type, which a browser loads.
	sort.Slice(times, func(i, j int) bool { return times[i].Before(times[j]) })
	return times[r.need-1], true
}

// splits reports whether two sets of witnesses without a common member that counts
// can both meet the rule. Members of a group share no witness, so that each serves one
// of the two sets, or both where it splits itself.
func (r *rule) splits(counts func(witness string) bool) bool {
	switch {
	case r == nil:
		return true
	case r.witness:
		return !counts(r.name)
	}
	servings := len(r.members)
	for _, m := range r.members {
		if m.splits(counts) {
			servings++
		}
	}
	return servings >= 2*r.need
}

func (r *rule) String() string {
	switch {
	case r == nil:
		return "no witness"
	case r.witness:
		return r.name
	}
	var names []string
	for _, m := range r.members {
		names = append(names, m.String())
	}
	list := "(" + strings.Join(names, ", ") + ")"
	switch r.need {
	case len(r.members):
		return "all of " + list
	case 1:
		return "any of " + list
	}
	return fmt.Sprintf("%d of %s", r.need, list)
}

// A QuorumError says that the cosignatures on a checkpoint do not meet the
// policy's quorum. Everything else about the proof held.
type QuorumError struct {
	Origin string
	Size   uint64
	Got    []string // names of the witnesses whose cosignatures count
	Want   string   // what the quorum needs, in words
}

func (e *QuorumError) Error() string {
	got := "nobody"
	if len(e.Got) > 0 {
		got = strings.Join(e.Got, ", ")
	}
	return fmt.Sprintf("quorum not met: checkpoint %d of %s is cosigned by %s, want %s", e.Size, e.Origin, got, e.Want)
}
