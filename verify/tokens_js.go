package verify

import "time"

// The browser's verifier counts no tokens, and has no room for what would check them.
func (j *judge) checkTokens(s *statement) {
	if len(s.Timestamp) > 0 {
		s.tokens = []*seenToken{idle(notChecked)}
	}
}

func (j *judge) stamped(*statement, bool, func(string) bool) (time.Time, bool) {
	return time.Time{}, false
}
