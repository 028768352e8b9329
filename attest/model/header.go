package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/proctor-attest/proctor/attest"
)

const (
	// lengthSize is the size of the header's length, a little-endian u64 that
	// every safetensors file begins with.
	lengthSize = 8

	// maxHeader is the specification's "limit on the size of the header of
	// 100MB".
	maxHeader = 100_000_000

	metadataName = "__metadata__"
)

// parseHeader reads the JSON header of a safetensors file with dataSize bytes
// behind it, and returns the tensors in the order of their bytes, which begin behind
// the header as data_offsets count. Together
// they are exactly those bytes: hidden bytes could be read by somebody else's loader
// and would be in no leaf.
func parseHeader(header []byte, dataSize uint64) ([]span, error) {
	// "The header data MUST begin with a { character (0x7B)."
	if len(header) == 0 || header[0] != '{' {
		return nil, fmt.Errorf("header at byte %d does not begin with {: this is not a safetensors file", lengthSize)
	}
	if err := attest.CheckForeignJSON(header); err != nil {
		var at *attest.JSONError
		if errors.As(err, &at) {
			err = &attest.JSONError{Offset: at.Offset + lengthSize, Reason: at.Reason}
		}
		return nil, fmt.Errorf("header: %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(header, &members); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	spans := make([]span, 0, len(members))
	for name, raw := range members {
		if name == metadataName {
			if err := checkMetadata(raw); err != nil {
				return nil, err
			}
			continue
		}
		s, err := parseSpan(name, raw)
		if err != nil {
			return nil, fmt.Errorf("tensor %.200q: %w", name, err)
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.Size, b.Size), cmp.Compare(a.Name, b.Name))
	})
	if err := checkCover(spans, uint64(lengthSize+len(header)), dataSize); err != nil {
		return nil, err
	}
	return spans, nil
}

// checkMetadata enforces "a free form string-to-string map".
func checkMetadata(raw json.RawMessage) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return fmt.Errorf("header: %s is not an object", metadataName)
	}
	for name, v := range values {
		if v[0] != '"' {
			return fmt.Errorf("header: %s: value of %.80q is not a string", metadataName, name)
		}
	}
	return nil
}

func parseSpan(name string, raw json.RawMessage) (span, error) {
	// A struct would not do: encoding/json matches names without regard to case
	// and reads null as zero.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return span{}, errors.New("header entry is not an object")
	}
	for member := range members {
		if member != "dtype" && member != "shape" && member != "data_offsets" {
			return span{}, fmt.Errorf("header entry has a member %.80q that safetensors does not define", member)
		}
	}
	var dtype string
	if d := members["dtype"]; len(d) == 0 || d[0] != '"' || json.Unmarshal(d, &dtype) != nil {
		return span{}, errors.New("dtype is missing or not a string")
	}
	shape, err := parseUints(members["shape"])
	if err != nil {
		return span{}, fmt.Errorf("shape: %w", err)
	}
	offsets, err := parseUints(members["data_offsets"])
	if err != nil {
		return span{}, fmt.Errorf("data_offsets: %w", err)
	}
	if len(offsets) != 2 || offsets[1] < offsets[0] {
		return span{}, fmt.Errorf("data_offsets are %s, want [begin, end] with begin ≤ end", clipShape(offsets))
	}
	size, err := sizeOf(dtype, shape)
	if err != nil {
		return span{}, err
	}
	if size != offsets[1]-offsets[0] {
		return span{}, fmt.Errorf("data_offsets %v hold %d bytes, but %s %s needs %d", offsets, offsets[1]-offsets[0], dtype, clipShape(shape), size)
	}
	return span{Tensor: Tensor{Name: name, DType: dtype, Shape: shape, Size: size}, begin: offsets[0]}, nil
}

// parseUints reads a JSON array of integers below 2^64, never nil without an
// error.
func parseUints(raw json.RawMessage) ([]uint64, error) {
	inner, ok := bytes.CutPrefix(raw, []byte("["))
	if !ok {
		return nil, errors.New("missing or not an array")
	}
	out := []uint64{}
	inner = bytes.TrimSpace(bytes.TrimSuffix(inner, []byte("]")))
	if len(inner) == 0 {
		return out, nil
	}
	for text := range bytes.SplitSeq(inner, []byte(",")) {
		text = bytes.TrimSpace(text)
		n, err := strconv.ParseUint(string(text), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%.40q is not an integer from 0 to 2^64-1", text)
		}
		out = append(out, n)
	}
	return out, nil
}

// checkCover enforces "The byte buffer needs to be entirely indexed, and cannot
// contain holes." Offsets in errors are those in the file.
func checkCover(spans []span, base, dataSize uint64) error {
	var end uint64
	for i, s := range spans {
		switch {
		case s.begin > end:
			return fmt.Errorf("tensor %.200q: leaves a hole: the %d bytes before it, from byte %d on, belong to no tensor", s.Name, s.begin-end, base+end)
		case s.begin < end:
			return fmt.Errorf("tensor %.200q: begins at byte %d, inside tensor %.200q that ends at byte %d", s.Name, base+s.begin, spans[i-1].Name, base+end)
		case s.Size > dataSize-end:
			return fmt.Errorf("tensor %.200q: wants %d bytes from byte %d on, the file ends after %d (a download that stopped early? fetch the file again)", s.Name, s.Size, base+end, dataSize-end)
		}
		end += s.Size
	}
	if end < dataSize {
		return fmt.Errorf("%d bytes from byte %d on belong to no tensor", dataSize-end, base+end)
	}
	return nil
}
