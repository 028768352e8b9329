package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"

	maxProof  = 1 << 20
	maxHashes = 64 // of an audit path: the tree has at most 2⁶⁴ leaves
)

// A Proof is a c2sp.org/tlog-proof@v1, parsed and not yet verified.
type Proof struct {
	Index      uint64
	Hashes     [][32]byte // from the leaf's sibling up
	Checkpoint []byte     // the signed note, as it came
	Extra      []byte     // nil if there is none; nobody signs it
}

// FormatProof is the inverse of ParseProof.
func FormatProof(p Proof) []byte {
	b := make([]byte, 0, 64+len(p.Hashes)*45+len(p.Checkpoint)+base64.StdEncoding.EncodedLen(len(p.Extra)))
	b = append(b, proofHeader+"\n"...)
	if p.Extra != nil {
		b = append(base64.StdEncoding.AppendEncode(append(b, "extra "...), p.Extra), '\n')
	}
	b = append(strconv.AppendUint(append(b, "index "...), p.Index, 10), '\n')
	for _, h := range p.Hashes {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return append(append(b, '\n'), p.Checkpoint...)
}

// ParseProof reads a proof. It accepts exactly what FormatProof writes around
// a well-formed checkpoint. The checkpoint's slice is that of data.
func ParseProof(data []byte) (Proof, error) {
	if len(data) > maxProof {
		return Proof{}, fmt.Errorf("proof of %d bytes, want at most %d", len(data), maxProof)
	}
	head, note, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		return Proof{}, errors.New("proof without an empty line before its checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	if lines[0] != proofHeader {
		return Proof{}, fmt.Errorf("first line is %q, want %q", abbreviate(lines[0]), proofHeader)
	}
	p := Proof{Checkpoint: note}
	lines, err := p.parseExtra(lines[1:])
	if err != nil {
		return Proof{}, err
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return Proof{}, errors.New("proof without an index line")
	}
	if p.Index, err = parseNumber(strings.TrimPrefix(lines[0], "index ")); err != nil {
		return Proof{}, fmt.Errorf("index: %w", err)
	}
	if len(lines)-1 > maxHashes {
		return Proof{}, fmt.Errorf("proof of %d hashes, want at most %d", len(lines)-1, maxHashes)
	}
	for i, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return Proof{}, fmt.Errorf("hash %d: %w", i, err)
		}
		p.Hashes = append(p.Hashes, h)
	}
	if _, err := ParseCheckpoint(note); err != nil {
		return Proof{}, err
	}
	return p, nil
}

func (p *Proof) parseExtra(lines []string) ([]string, error) {
	if len(lines) == 0 {
		return lines, nil
	}
	b64, ok := strings.CutPrefix(lines[0], "extra ")
	if !ok {
		return lines, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(b64)
	if err != nil || strings.Contains(b64, "\r") {
		return nil, errors.New("extra line is not base64")
	}
	p.Extra = raw
	return lines[1:], nil
}
