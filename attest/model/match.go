package model

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
)

// MatchRoles compares the parts of a released model with those that were found. The
// list is in the order of a modelID, in which both must be.
func MatchRoles(released, found []Role) []attest.MatchedRole {
	digests := map[string][2]*attest.Hash{}
	var names []string
	for side, roles := range [][]Role{released, found} {
		for _, r := range roles {
			d, known := digests[r.Role]
			if !known {
				names = append(names, r.Role)
			}
			d[side] = &r.Digest
			digests[r.Role] = d
		}
	}
	slices.SortFunc(names, CompareRoles)
	out := make([]attest.MatchedRole, 0, len(names))
	for _, name := range names {
		d := digests[name]
		m := attest.MatchedRole{Role: name, State: attest.RoleDiffers, Digest: d[1]}
		switch {
		case d[1] == nil:
			m.State = attest.RoleAbsent
		case d[0] == nil:
			m.State = attest.RoleAdded
		case *d[0] == *d[1]:
			m.State = attest.RoleSame
		}
		out = append(out, m)
	}
	return out
}

// CheckMatch says in what an audit of kind model-match disagrees with itself: an outcome
// that does not follow from its parts, a modelID that does not, a probability that is
// better than its draws. Its schema holds of it, as of everything that was parsed.
func CheckMatch(p *attest.Audit) error {
	m := p.Match
	if m == nil {
		return errors.New("it is no model-match")
	}
	if id, ok := p.Ref(attest.RoleRelease); !ok || id != p.Release {
		return errors.New("the release that it names is not the one that it refers to")
	}
	if err := checkSource(m.Source); err != nil {
		return err
	}
	for _, names := range []*attest.Names{m.Differs, m.Uncovered} {
		if names != nil && uint64(len(names.First)) != min(names.Count, attest.MaxNames) {
			return fmt.Errorf("it counts %d names and lists %d", names.Count, len(names.First))
		}
	}
	for i, r := range m.Roles {
		if i > 0 && CompareRoles(m.Roles[i-1].Role, r.Role) >= 0 {
			return fmt.Errorf("role %q is repeated or out of order", r.Role)
		}
	}
	if m.Tier < 3 {
		return checkListed(m)
	}
	if err := checkRead(m); err != nil {
		return err
	}
	return checkDrawn(m.Sample)
}

// checkListed is for tiers at which no byte of the weights was read: the same tensors
// can be in other files, so that of the weights nothing differs by a listing.
func checkListed(m *attest.ModelMatch) error {
	want := attest.OutcomeIncomplete
	for _, r := range m.Roles {
		switch {
		case r.Digest != nil:
			return fmt.Errorf("it states a digest of role %q, and read a listing", r.Role)
		case r.State == attest.RoleSame || r.State == attest.RoleUnknown:
		case r.Role == roleWeights || r.Role == roleKV || strings.HasPrefix(r.Role, adapterRole):
			return fmt.Errorf("it says that role %q is %s, which a listing does not show", r.Role, r.State)
		default:
			want = attest.OutcomeMismatch
		}
	}
	if m.Outcome != want {
		return fmt.Errorf("its outcome is %q, and from its roles follows %q", m.Outcome, want)
	}
	return nil
}

// checkRead is for tiers at which a modelID is recomputed.
func checkRead(m *attest.ModelMatch) error {
	var found []Role
	same := true
	for _, r := range m.Roles {
		if (r.Digest == nil) != (r.State == attest.RoleAbsent) || r.State == attest.RoleUnknown {
			return fmt.Errorf("it says that role %q is %s, and reads every role", r.Role, r.State)
		}
		same = same && r.State == attest.RoleSame
		if r.Digest != nil {
			found = append(found, Role{Role: r.Role, Digest: *r.Digest})
		}
	}
	id, err := ID(found)
	if err != nil {
		return err
	}
	if m.ModelID == nil || id != *m.ModelID {
		return fmt.Errorf("its modelID is another than its roles give, %s", id.Short())
	}
	if same != (id == m.Released) {
		return errors.New("its roles are said to be the same, and its modelID is another, or the other way round")
	}
	if same != (m.Outcome == attest.OutcomeMatch) {
		return fmt.Errorf("its outcome is %q, which does not follow from its modelID", m.Outcome)
	}
	return nil
}

func checkDrawn(s *attest.MatchSample) error {
	if s == nil {
		return nil
	}
	if s.Tensors > s.OfTensors || s.Bytes > s.OfBytes {
		return fmt.Errorf("it read %d of %d tensors and %d of %d bytes", s.Tensors, s.OfTensors, s.Bytes, s.OfBytes)
	}
	missed, err := MissedAtMost(s.Share, s.Draws)
	if err == nil && missed != s.Missed {
		err = fmt.Errorf("it says that %d draws miss a share of %s with probability %s, which is %s", s.Draws, s.Share, s.Missed, missed)
	}
	return err
}

var commitInURI = regexp.MustCompile(`[@/]([0-9a-f]{40})$`)

// CommitIn returns the commit that ends a place where a model was published, or "": what
// a commit names cannot be changed, and what a branch does can.
func CommitIn(uri string) string {
	if m := commitInURI.FindStringSubmatch(uri); m != nil {
		return m[1]
	}
	return ""
}

func checkSource(s attest.MatchSource) error {
	if c := CommitIn(s.URI); c != "" && s.Commit != c {
		return fmt.Errorf("it looked at commit %q of %s", s.Commit, s.URI)
	}
	if s.Fetched != "" {
		if _, err := time.Parse(time.RFC3339, s.Fetched); err != nil {
			return fmt.Errorf("it says that it fetched at %q, which is no time", s.Fetched)
		}
	}
	return nil
}

var shareForm = regexp.MustCompile(`^0\.[0-9]{0,2}[1-9]$`)

// MissedAtMost is the probability that so many draws find none of the altered tensors,
// which hold a share of all bytes: (1 − share) to the power of draws, a decimal of six
// digits at most, rounded up so that it never promises too much. The share is a decimal
// of three digits at most, between 0 and 1.
func MissedAtMost(share string, draws int) (string, error) {
	if !shareForm.MatchString(share) || draws < 1 || draws > 1<<16 {
		return "", fmt.Errorf("a share of %.20q and %d draws: want a decimal such as 0.01, and 1 to 65536", share, draws)
	}
	digits := share[2:]
	of := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(digits))), nil)
	altered, _ := new(big.Int).SetString(digits, 10)
	n := big.NewInt(int64(draws))
	kept := new(big.Int).Exp(new(big.Int).Sub(of, altered), n, nil)
	kept.Mul(kept, big.NewInt(1_000_000))
	millionths, rest := new(big.Int).QuoRem(kept, of.Exp(of, n, nil), new(big.Int))
	if rest.Sign() > 0 {
		millionths.Add(millionths, big.NewInt(1))
	}
	return "0." + strings.TrimRight(fmt.Sprintf("%06d", millionths), "0"), nil
}
