package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
)

// JSON is what differs between two JSON files.
type JSON struct {
	Path    string   `json:"path"`
	Members []Member `json:"members"` // empty when only the spelling differs: order, spaces, 1e-5 for 0.00001
	// Text is the difference in unified format of files that cannot be read as JSON in
	// exactly one way, NaN for example.
	Text string `json:"text,omitempty"`
}

// Member is a value that differs.
type Member struct {
	Pointer string          `json:"pointer"` // RFC 6901, "" for the whole file
	First   json.RawMessage `json:"first,omitempty"`
	Second  json.RawMessage `json:"second,omitempty"`
	// Note says of a long list what became of it, in place of both values.
	Note string `json:"note,omitempty"`
}

// longList is a list of which not every element is compared with the one at its place:
// one more at the beginning would make all of them differ.
const longList = 16

func compareJSON(path string, a, b []byte) JSON {
	d := JSON{Path: path, Members: []Member{}}
	x, errA := decode(a)
	y, errB := decode(b)
	if errA != nil || errB != nil {
		d.Text = textDiff("first/"+path, a, "second/"+path, b)
		return d
	}
	d.compare("", x, y)
	return d
}

// decode reads JSON that everybody reads alike, and keeps numbers as they are spelled.
func decode(data []byte) (v any, err error) {
	if err := attest.CheckForeignJSON(data); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

func (d *JSON) compare(pointer string, a, b any) {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			d.compareObjects(pointer, x, y)
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			d.compareLists(pointer, x, y)
			return
		}
	}
	if !equal(a, b) {
		d.Members = append(d.Members, Member{Pointer: pointer, First: encode(a), Second: encode(b)})
	}
}

func (d *JSON) compareObjects(pointer string, a, b map[string]any) {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := pointer + pointerTo(name)
		x, inA := a[name]
		y, inB := b[name]
		switch {
		case !inB:
			d.Members = append(d.Members, Member{Pointer: at, First: encode(x)})
		case !inA:
			d.Members = append(d.Members, Member{Pointer: at, Second: encode(y)})
		default:
			d.compare(at, x, y)
		}
	}
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

func pointerTo(name string) string { return "/" + escapePointer.Replace(name) }

func (d *JSON) compareLists(pointer string, a, b []any) {
	if len(a) == len(b) {
		for i := range a {
			d.compare(pointer+"/"+strconv.Itoa(i), a[i], b[i])
		}
		return
	}
	m := Member{Pointer: pointer}
	if max(len(a), len(b)) <= longList {
		m.First, m.Second = encode(a), encode(b)
	} else {
		first := 0
		for first < min(len(a), len(b)) && equal(a[first], b[first]) {
			first++
		}
		m.Note = fmt.Sprintf("a list of %d elements and one of %d, which differ from element %d on", len(a), len(b), first)
	}
	d.Members = append(d.Members, m)
}

// equal compares values, numbers by what they are and not by how they are spelled.
func equal(a, b any) bool {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		return ok && (x == y || sameNumber(string(x), string(y)))
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, equal)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, equal)
	}
	return a == b
}

// maxNumber is how many characters a number may have to be taken for another spelling
// of one, and maxExponent how large its exponent may be: a short 1e999999999 is a
// long number.
const (
	maxNumber   = 64
	maxExponent = 400
)

func sameNumber(a, b string) bool {
	x, okA := parseNumber(a)
	y, okB := parseNumber(b)
	return okA && okB && x.Cmp(y) == 0
}

func parseNumber(s string) (*big.Rat, bool) {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e > maxExponent || e < -maxExponent {
			return nil, false
		}
	}
	if len(s) > maxNumber {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func encode(v any) json.RawMessage {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return json.RawMessage("null") // what was decoded can be encoded
	}
	return bytes.TrimSpace(buf.Bytes())
}
