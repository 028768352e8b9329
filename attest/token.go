package attest

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// Limits on the tokens beside one statement.
const (
	MaxToken  = 64 << 10 // bytes of one token
	maxTokens = 8
)

// SplitTokens returns the tokens of timestamp authorities that a .tsr file holds, each
// a TimeStampResp of RFC 3161 in DER. Several lie one behind the other; DER says
// itself where one ends. What is in them was not looked at.
func SplitTokens(file []byte) ([][]byte, error) {
	var tokens [][]byte
	for rest := file; len(rest) > 0; {
		if len(tokens) == maxTokens {
			return nil, fmt.Errorf("more than %d tokens", maxTokens)
		}
		var one asn1.RawValue
		after, err := asn1.Unmarshal(rest, &one)
		if err != nil {
			return nil, fmt.Errorf("token %d is not DER: %w", len(tokens)+1, err)
		}
		if one.Class != asn1.ClassUniversal || one.Tag != asn1.TagSequence || !one.IsCompound {
			return nil, fmt.Errorf("token %d is not a DER sequence", len(tokens)+1)
		}
		if len(one.FullBytes) > MaxToken {
			return nil, fmt.Errorf("token %d has %d bytes, want at most %d", len(tokens)+1, len(one.FullBytes), MaxToken)
		}
		tokens, rest = append(tokens, one.FullBytes), after
	}
	if len(tokens) == 0 {
		return nil, errors.New("an empty file")
	}
	return tokens, nil
}

// mergeTokens adds to the tokens of one file those of another, as far as there is room.
func mergeTokens(file, other []byte) []byte {
	more, err := SplitTokens(other)
	if err != nil {
		return file
	}
	have, err := SplitTokens(file)
	if err != nil {
		return other // what cannot be read is worth nothing
	}
	for _, t := range more {
		if len(have) < maxTokens && !slices.ContainsFunc(have, func(h []byte) bool { return bytes.Equal(h, t) }) {
			have = append(have, t)
		}
	}
	return bytes.Join(have, nil)
}
