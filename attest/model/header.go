package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unique"
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

// parseHeader reads the JSON header of a safetensors file from byte 8 to begin, with the
// file's data behind it, and returns the tensors in the order of their bytes. Together
// they are exactly those bytes: hidden bytes could be read by somebody else's loader
// and would be in no leaf.
func parseHeader(src source, begin uint64, room *room) ([]span, error) {
	// "The header data MUST begin with a { character (0x7B)."
	if first, err := src.read(lengthSize, min(1, begin-lengthSize)); err != nil {
		return nil, err
	} else if string(first) != "{" {
		return nil, fmt.Errorf("header at byte %d does not begin with {: this is not a safetensors file", lengthSize)
	}
	var spans []span
	metadata := 0
	err := eachMember(src, lengthSize, begin, func(name string, raw []byte) error {
		if name == metadataName {
			metadata++
			return checkMetadata(raw)
		}
		s, err := parseSpan(name, raw)
		if err != nil {
			return fmt.Errorf("tensor %.200q: %w", name, err)
		}
		if s.begin > src.size-begin {
			return fmt.Errorf("tensor %.200q: begins at byte %d of the data, which are %d (a download that stopped early? fetch the file again)", name, s.begin, src.size-begin)
		}
		s.begin += begin
		spans = append(spans, s)
		return room.take(s.Tensor)
	})
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if metadata > 1 {
		return nil, fmt.Errorf("header: duplicate name %q", metadataName)
	}
	slices.SortFunc(spans, func(a, b span) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(spans); i++ {
		if spans[i].Name == spans[i-1].Name {
			return nil, fmt.Errorf("header: duplicate name %.200q", spans[i].Name)
		}
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.Size, b.Size), cmp.Compare(a.Name, b.Name))
	})
	return spans, checkCover(spans, begin, src.size)
}

// checkMetadata enforces "a free form string-to-string map".
func checkMetadata(raw []byte) error {
	if raw[0] != '{' {
		return fmt.Errorf("%s is not an object", metadataName)
	}
	return checkedMembers(raw, func(name string, value []byte) error {
		if value[0] != '"' {
			return fmt.Errorf("%s: value of %.80q is not a string", metadataName, name)
		}
		return nil
	})
}

func parseSpan(name string, raw []byte) (span, error) {
	if raw[0] != '{' {
		return span{}, errors.New("header entry is not an object")
	}
	// A struct would not do: encoding/json matches names without regard to case
	// and reads null as zero.
	var dtypeText, shapeText, offsetsText []byte
	err := checkedMembers(raw, func(member string, value []byte) error {
		switch member {
		case "dtype":
			dtypeText = value
		case "shape":
			shapeText = value
		case "data_offsets":
			offsetsText = value
		default:
			return fmt.Errorf("header entry has a member %.80q that safetensors does not define", member)
		}
		return nil
	})
	if err != nil {
		return span{}, err
	}
	var dtype string
	if len(dtypeText) == 0 || dtypeText[0] != '"' || json.Unmarshal(dtypeText, &dtype) != nil {
		return span{}, errors.New("dtype is missing or not a string")
	}
	shape, err := parseUints(shapeText)
	if err != nil {
		return span{}, fmt.Errorf("shape: %w", err)
	}
	offsets, err := parseUints(offsetsText)
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
	dtype = unique.Make(dtype).Value() // one text for all
	return span{Tensor: Tensor{Name: name, DType: dtype, Shape: shape, Size: size}, begin: offsets[0]}, nil
}

// parseUints reads a JSON array of integers below 2^64, never nil without an
// error.
func parseUints(raw []byte) ([]uint64, error) {
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
		if len(out) == maxRank {
			return nil, fmt.Errorf("more than %d integers", maxRank)
		}
		out = append(out, n)
	}
	return out, nil
}

// checkCover enforces "The byte buffer needs to be entirely indexed, and cannot
// contain holes." The buffer is what a file of size bytes has from begin on.
func checkCover(spans []span, begin, size uint64) error {
	end := begin
	for i, s := range spans {
		switch {
		case s.begin > end:
			return fmt.Errorf("tensor %.200q: leaves a hole: the %d bytes before it, from byte %d on, belong to no tensor", s.Name, s.begin-end, end)
		case s.begin < end:
			return fmt.Errorf("tensor %.200q: begins at byte %d, inside tensor %.200q that ends at byte %d", s.Name, s.begin, spans[i-1].Name, end)
		case s.Size > size-end:
			return fmt.Errorf("tensor %.200q: wants %d bytes from byte %d on, the file ends after %d (a download that stopped early? fetch the file again)", s.Name, s.Size, end, size-end)
		}
		end += s.Size
	}
	if end < size {
		return fmt.Errorf("%d bytes from byte %d on belong to no tensor", size-end, end)
	}
	return nil
}
