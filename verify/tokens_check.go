//go:build !js

package verify

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger"
)

// checkTokens finds out what the tokens beside a statement date.
func (j *judge) checkTokens(s *statement) {
	if len(s.Timestamp) == 0 {
		return
	}
	if len(j.policy.TSAs) == 0 {
		s.tokens = []*seenToken{idle("the policy believes no timestamp authority")}
		return
	}
	if j.opts.CheckToken == nil {
		s.tokens = []*seenToken{idle(notChecked)}
		return
	}
	files, err := attest.SplitTokens(s.Timestamp)
	if err != nil {
		s.tokens = []*seenToken{idle(err.Error())}
		return
	}
	operators := map[string]bool{}
	for _, f := range files {
		t := j.token(s, f)
		if t.Idle == "" {
			operators[j.policy.party(t.Operator)] = true
		}
		s.tokens = append(s.tokens, t)
	}
	for _, t := range s.tokens {
		if t.Idle == "" && len(operators) < j.policy.TSAThreshold {
			t.Idle = fmt.Sprintf("the policy asks for tokens of %d operators", j.policy.TSAThreshold)
		}
	}
	slices.SortStableFunc(s.tokens, func(a, b *seenToken) int { return a.NotAfter.Compare(b.NotAfter) })
}

// checkedToken is by when a token's message existed, or why nobody knows.
type checkedToken struct {
	at  time.Time
	err error
}

func (j *judge) token(s *statement, file []byte) *seenToken {
	t, tsa := j.vouched(s, file)
	if t.Idle != "" {
		return t
	}
	switch {
	case t.NotAfter.After(j.opts.At.Add(j.policy.Skew)):
		t.Idle = "it is dated in the future"
	case !tsa.From.IsZero() && t.NotAfter.Before(tsa.From), !tsa.Until.IsZero() && t.NotAfter.After(tsa.Until):
		t.Idle = "it is dated outside the time for which the policy believes the authority"
	case t.payload && !datedByPayload(s.Statement.Predicate):
		t.Idle = fmt.Sprintf("it is over the payload alone, and for a %s only one over a checkpoint counts", s.Statement.Kind())
	case !t.payload && j.beforeCosignatures(s, t.NotAfter):
		t.Idle = "it is dated before the cosignatures that it covers: some clock is wrong"
	case s.notBefore.After(t.NotAfter.Add(j.policy.Skew)):
		t.Idle = "it is dated before the beacon round that the statement carries: the authority's clock is wrong"
	}
	return t
}

// wholeSecond rounds up: nothing may seem older than it is shown to be.
func wholeSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}

// vouched finds the authority that made a token, and what it is over: the signed
// checkpoint of the proof, byte by byte, or the payload. A checkpoint without its
// signatures would not do: of a quiet ledger anybody can say beforehand how the next
// ones will read, and have a token for each.
func (j *judge) vouched(s *statement, file []byte) (*seenToken, *TSA) {
	t := idle("it is over neither the payload nor the checkpoint of the proof")
	messages := [][]byte{s.Bundle.Payload}
	if s.verified != nil {
		messages = append(messages, s.verified.Signed)
	}
	for i, message := range messages {
		for k := range j.policy.TSAs {
			tsa := &j.policy.TSAs[k]
			c := recall(j.memo, "token", 0, func() checkedToken {
				at, err := j.opts.CheckToken(file, message, tsa)
				return checkedToken{wholeSecond(at), err}
			}, file, message, []byte(tsa.Chain), []byte(tsa.OID))
			if errors.Is(c.err, ErrOtherBytes) {
				break // under every authority
			}
			if c.err == nil {
				t.Authority, t.Operator, t.NotAfter, t.Idle = tsa.Name, tsa.Operator, c.at, ""
				if t.payload, t.Over = i == 0, "the payload"; !t.payload {
					t.Over = fmt.Sprintf("checkpoint %d of %s", s.verified.Size, s.verified.Origin)
				}
				return t, tsa
			}
			t.Idle = "no timestamp authority that the policy believes made it: " + c.err.Error()
		}
	}
	return t, nil
}

// beforeCosignatures reports whether a time is before that of a cosignature on the
// statement's checkpoint, by more than clocks may differ.
func (j *judge) beforeCosignatures(s *statement, at time.Time) bool {
	return slices.ContainsFunc(s.verified.Cosignatures, func(c ledger.Cosignature) bool {
		return c.Time.After(at.Add(j.policy.Skew))
	})
}

// stamped is the smallest time at which tokens of enough operators date a statement, of
// whom one counts. It is false if there is no such time.
func (j *judge) stamped(s *statement, payloads bool, counts func(operator string) bool) (time.Time, bool) {
	operators, counted := map[string]bool{}, false
	for _, t := range s.tokens { // in the order of time
		if t.Idle != "" || t.payload && !payloads {
			continue
		}
		operators[j.policy.party(t.Operator)] = true
		counted = counted || counts(t.Operator) && (t.payload || j.watched(s, counts))
		if counted && len(operators) >= j.policy.TSAThreshold {
			return t.NotAfter, true
		}
	}
	return time.Time{}, false
}

// watched reports whether anybody who counts signed the statement's checkpoint, as its
// ledger or as a witness. Who signs checkpoints alone can sign a thousand, with a token
// for each, and show the best.
func (j *judge) watched(s *statement, counts func(operator string) bool) bool {
	return counts(j.policy.Operator(s.verified.Origin)) || slices.ContainsFunc(s.verified.Cosignatures, func(c ledger.Cosignature) bool {
		return counts(j.policy.Operator(c.Witness))
	})
}
