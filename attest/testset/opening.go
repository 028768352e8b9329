package testset

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/proctor-attest/proctor/attest"
)

// OpeningMediaType is the media type of an opening.
const OpeningMediaType = "application/vnd.proctor.opening+jsonl"

// maxOpeningLine has room for an item of MaxItem bytes in base64.
const maxOpeningLine = MaxItem / 2 * 3

// openingHeader is the first line of an opening; its members are in canonical
// order, and so are those of itemLine.
type openingHeader struct {
	Fields []string    `json:"fields"`
	Opened uint64      `json:"opened"`
	Proof  []byte      `json:"proof"`
	Root   attest.Hash `json:"root"`
	SetID  attest.Hash `json:"setID"`
	Size   uint64      `json:"size"`
}

func (h openingHeader) append(b []byte) []byte {
	b = append(b, `{"fields":[`...)
	for i, f := range h.Fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = attest.AppendString(b, f)
	}
	b = fmt.Appendf(b, `],"opened":%d,"proof":"`, h.Opened)
	b = base64.StdEncoding.AppendEncode(b, h.Proof)
	return fmt.Appendf(b, "\",\"root\":\"%s\",\"setID\":\"%s\",\"size\":%d}\n", h.Root, h.SetID, h.Size)
}

type itemLine struct {
	Commitments []attest.Hash          `json:"commitments"`
	Fields      map[string]openedField `json:"fields"`
	Index       uint64                 `json:"index"`
	Key         json.RawMessage        `json:"key"`
	Rev         uint32                 `json:"rev"`
}

type openedField struct {
	Bytes []byte      `json:"bytes"`
	Salt  attest.Hash `json:"salt"`
}

// append writes the line; order lists the positions of fields as RFC 8785 sorts
// them.
func (l itemLine) append(b []byte, fields []string, order []int) []byte {
	b = append(b, `{"commitments":[`...)
	for i, c := range l.Commitments {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, c.String()...)
		b = append(b, '"')
	}
	b = append(b, `],"fields":{`...)
	for _, i := range order {
		f, ok := l.Fields[fields[i]]
		if !ok {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = attest.AppendString(b, fields[i])
		b = append(b, `:{"bytes":"`...)
		b = base64.StdEncoding.AppendEncode(b, f.Bytes)
		b = fmt.Appendf(b, `","salt":"%s"}`, f.Salt)
	}
	b = fmt.Appendf(b, `},"index":%d,"key":`, l.Index)
	b = append(b, l.Key...)
	return fmt.Appendf(b, ",\"rev\":%d}\n", l.Rev)
}

func joinHashes(hashes []attest.Hash) []byte { return FormatSkeleton(hashes) }

// OpenedItem is an item that an opening discloses. Index, Leaf and Fields are
// what the root binds; Key and Rev are the opener's word, good for matching.
type OpenedItem struct {
	Index uint64
	Leaf  attest.Hash

	// Fields holds the bytes of the opened fields that the caller asked for:
	// JSON, or nothing at all when the item has no such member. A field that is
	// not in the map stays closed, or was not asked for.
	Fields map[string][]byte

	Key Key
	Rev uint32
}

// Lint is a flaw of opened bytes that changes nothing of their meaning.
type Lint struct {
	Index  uint64
	Field  string
	Reason string
}

// Opening is an opening that has been checked against a version.
type Opening struct {
	Opened uint64
	Items  []OpenedItem // ascending by index
	Lints  []Lint       // the first hundred
}

// MismatchError says that an opening is well-formed and false: a value, an item
// or the proof does not fit the commitments, or what was committed breaks the
// rules for committed JSON. Any other error means that it could not be read.
type MismatchError struct {
	Line   int    // from one
	Index  uint64 // when Line is above one
	Field  string // empty when the whole item is meant
	Reason string
}

func (e *MismatchError) Error() string {
	switch {
	case e.Line == 1:
		return "opening: " + e.Reason
	case e.Field == "":
		return fmt.Sprintf("opening: line %d: item %d: %s", e.Line, e.Index, e.Reason)
	}
	return fmt.Sprintf("opening: line %d: item %d, field %q: %s", e.Line, e.Index, clip(e.Field), e.Reason)
}

// OpeningConfig limits what a reader takes. The zero value is safe.
type OpeningConfig struct {
	// Keep names the fields whose bytes are wanted; nil wants all, an empty list
	// none. The others are checked all the same.
	Keep []string

	MaxLine  int   // bytes of a line; 0 means 96 MiB
	MaxBytes int64 // of field bytes that ReadOpening keeps; 0 means 1 GiB
}

// PeekOpening reads which version an opening says it opens, and of how many
// items. It checks nothing: the answer is for messages, and for looking up the
// Set of a statement to read the opening against.
func PeekOpening(r io.Reader) (said Set, opened uint64, err error) {
	o := newOpeningReader(r, OpeningConfig{})
	h, err := o.readHeader()
	if err != nil {
		return Set{}, 0, fmt.Errorf("opening: line 1: %w", err)
	}
	return Set{h.SetID, h.Fields, h.Size, h.Root}, h.Opened, nil
}

// ReadOpening reads an opening of the version want, which comes from a statement
// and not from the opening. It returns items only after every commitment and the
// proof have been checked, and a *MismatchError when one does not hold.
func ReadOpening(r io.Reader, want Set, cfg OpeningConfig) (*Opening, error) {
	most := cfg.MaxBytes
	if most == 0 {
		most = 1 << 30
	}
	var items []OpenedItem
	opening, err := ScanOpening(r, want, cfg, func(item OpenedItem) error {
		for name, b := range item.Fields {
			most -= int64(len(name) + len(b))
		}
		if most < 0 {
			return errors.New("opening: too large to be held; keep fewer fields, or scan it")
		}
		items = append(items, item)
		return nil
	})
	if err != nil {
		return nil, err
	}
	opening.Items = items
	return opening, nil
}

// ScanOpening is ReadOpening for openings that do not fit in memory: it calls
// visit for each item in turn and returns an Opening without Items.
//
// What visit sees is UNAUTHENTICATED until ScanOpening returns a nil error: the
// proof can be checked only at the end. Until then act on nothing, or scan twice
// the same bytes. An error of visit ends the scan and is returned as it is.
func ScanOpening(r io.Reader, want Set, cfg OpeningConfig, visit func(OpenedItem) error) (*Opening, error) {
	o := newOpeningReader(r, cfg)
	h, err := o.readHeader()
	if err != nil {
		return nil, fmt.Errorf("opening: line 1: %w", err)
	}
	switch {
	case h.SetID != want.ID:
		return nil, fmt.Errorf("opening: is of set %s, want %s", h.SetID, want.ID)
	case h.Size != want.Size || h.Root != want.Root:
		return nil, fmt.Errorf("opening: is of %d items with root %s, want %d with %s", h.Size, h.Root, want.Size, want.Root)
	case !slices.Equal(h.Fields, want.Fields):
		return nil, fmt.Errorf("opening: has fields %.200q, want %.200q", h.Fields, want.Fields)
	}
	o.fields, o.order = h.Fields, canonicalOrder(h.Fields)
	for range h.Opened {
		item, err := o.readItem()
		if err != nil {
			return nil, err
		}
		if err := visit(item); err != nil {
			return nil, err
		}
	}
	if _, err := o.r.ReadByte(); err != io.EOF {
		return nil, fmt.Errorf("opening: more than the %d items of its first line", h.Opened)
	}
	proof, err := ParseSkeleton(h.Proof)
	if err != nil {
		return nil, fmt.Errorf("opening: line 1: proof: %w", err)
	}
	if err := attest.CheckOpening(h.Size, h.Root, o.leaves, proof); err != nil {
		return nil, &MismatchError{Line: 1, Reason: err.Error()}
	}
	return &Opening{Opened: h.Opened, Lints: o.lints}, nil
}

type openingReader struct {
	r      *bufio.Reader
	line   int
	most   int
	buf    []byte
	again  []byte
	all    bool
	keep   map[string]bool
	fields []string
	order  []int
	leaves []attest.OpenedLeaf
	names  map[[16]byte]struct{} // keys and revisions
	lints  []Lint
}

func newOpeningReader(r io.Reader, cfg OpeningConfig) *openingReader {
	o := &openingReader{r: bufio.NewReaderSize(r, 1<<16), most: cfg.MaxLine, all: cfg.Keep == nil, keep: map[string]bool{}, names: map[[16]byte]struct{}{}}
	for _, f := range cfg.Keep {
		o.keep[f] = true
	}
	if o.most == 0 {
		o.most = maxOpeningLine
	}
	return o
}

func (o *openingReader) readLine() ([]byte, error) {
	o.line++
	line, err := readLine(o.r, o.buf[:0], o.most)
	o.buf = line
	switch {
	case err == errLineTooLong:
		return nil, fmt.Errorf("longer than %d bytes", o.most)
	case err == io.EOF && len(line) == 0:
		return nil, errors.New("the opening ends too early")
	case err == io.EOF:
		return nil, errors.New("the line has no end")
	}
	return line, err
}

func (o *openingReader) readHeader() (openingHeader, error) {
	var h openingHeader
	line, err := o.readLine()
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, err
	}
	// Writing it again and comparing refuses what encoding/json lets pass:
	// unknown and repeated members, other spellings, other orders.
	if o.again = h.append(o.again[:0]); !bytes.Equal(o.again, line) {
		return h, notCanonical(line)
	}
	seen := map[string]bool{}
	for _, f := range h.Fields {
		if seen[f] {
			return h, fmt.Errorf("field %q is named twice", clip(f))
		}
		seen[f] = true
	}
	switch {
	case len(h.Fields) == 0 || len(h.Fields) > 1<<16-1:
		return h, fmt.Errorf("%d fields, want 1 to 65535", len(h.Fields))
	case h.Size >= 1<<32:
		return h, fmt.Errorf("a set of %d items, want less than 2^32", h.Size)
	case h.Opened == 0 || h.Opened > h.Size:
		return h, fmt.Errorf("%d items are opened of %d", h.Opened, h.Size)
	}
	return h, nil
}

// notCanonical finds words for a line that is not the only spelling of what it
// says.
func notCanonical(line []byte) error {
	if err := attest.CheckCanonical(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
		return err
	}
	return errors.New("a member is missing, unknown or out of range")
}

func (o *openingReader) readItem() (OpenedItem, error) {
	var l itemLine
	line, err := o.readLine()
	if err == nil {
		err = json.Unmarshal(line, &l)
	}
	if err != nil {
		return OpenedItem{}, fmt.Errorf("opening: line %d: %w", o.line, err)
	}
	if o.again = l.append(o.again[:0], o.fields, o.order); !bytes.Equal(o.again, line) {
		return OpenedItem{}, fmt.Errorf("opening: line %d: %w", o.line, notCanonical(line))
	}
	if len(l.Commitments) != len(o.fields) {
		return OpenedItem{}, &MismatchError{Line: o.line, Index: l.Index, Reason: fmt.Sprintf("%d commitments, want one for each of %d fields", len(l.Commitments), len(o.fields))}
	}
	item := OpenedItem{Index: l.Index, Rev: l.Rev, Leaf: ItemLeaf(l.Commitments)}
	if item.Key, err = ParseKey(l.Key); err != nil {
		return OpenedItem{}, fmt.Errorf("opening: line %d: %w", o.line, err)
	}
	if n := len(o.leaves); n > 0 && o.leaves[n-1].Index >= l.Index {
		return OpenedItem{}, fmt.Errorf("opening: line %d: index %d follows %d: indexes must ascend without repeats", o.line, l.Index, o.leaves[n-1].Index)
	}
	// Who matches rows to leaves by key must not find two.
	name := nameOf(item.Key, item.Rev)
	if _, ok := o.names[name]; ok {
		return OpenedItem{}, fmt.Errorf("opening: line %d: key %s in revision %d is opened twice", o.line, clip(string(item.Key)), item.Rev)
	}
	o.names[name] = struct{}{}
	if item.Fields, err = o.check(l); err != nil {
		return OpenedItem{}, err
	}
	o.leaves = append(o.leaves, attest.OpenedLeaf{Index: l.Index, Hash: item.Leaf})
	return item, nil
}

func nameOf(key Key, rev uint32) [16]byte {
	digest := sha256.Sum256(fmt.Appendf(nil, "%d %s", rev, key.Bytes()))
	return [16]byte(digest[:])
}

// check holds every opened field of an item against its commitment.
func (o *openingReader) check(l itemLine) (map[string][]byte, error) {
	kept := map[string][]byte{}
	for i, name := range o.fields {
		f, ok := l.Fields[name]
		if !ok {
			continue
		}
		mismatch := func(reason string) error {
			return &MismatchError{Line: o.line, Index: l.Index, Field: name, Reason: reason}
		}
		if attest.CommitField(f.Salt, name, f.Bytes) != l.Commitments[i] {
			return nil, mismatch("salt and bytes do not give the commitment")
		}
		if len(f.Bytes) > 0 {
			canonical, err := attest.Canonicalize(f.Bytes)
			if err != nil {
				return nil, mismatch("committed bytes: " + err.Error())
			}
			if !bytes.Equal(canonical, f.Bytes) && len(o.lints) < 100 {
				o.lints = append(o.lints, Lint{l.Index, name, "committed bytes are not canonical JSON"})
			}
		}
		if o.all || o.keep[name] {
			kept[name] = f.Bytes
		}
	}
	return kept, nil
}
