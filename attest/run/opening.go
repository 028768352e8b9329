package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/proctor-attest/proctor/attest"
)

// OpeningMediaType is the media type of an opening of a result's leaves.
const OpeningMediaType = "application/vnd.proctor.result-opening+jsonl"

// maxOpenedLine has room for a response and a trace of 32 MiB each, in base64.
const maxOpenedLine = 96 << 20

// Tree names the tree of a result: what an opening is held against. It comes from the
// signed result, never from the opening.
type Tree struct {
	RunID attest.Hash
	Size  uint64 // leaves
	Root  attest.Hash
}

// OpenedLeaf is a leaf of a result with what opens its commitments. Where a field was
// committed to and is not opened, its commitment stands alone.
type OpenedLeaf struct {
	Index    uint64 // in the result's tree
	Row      Row
	ItemLeaf attest.Hash       // of the item, in the test set
	Fields   map[string][]byte // canonical JSON of what is opened, by field
}

// leafHeader is the first line of an opening, in canonical order.
type leafHeader struct {
	Opened uint64      `json:"opened"`
	Proof  []byte      `json:"proof"`
	Root   attest.Hash `json:"root"`
	RunID  attest.Hash `json:"runID"`
	Size   uint64      `json:"size"`
}

type leafLine struct {
	Fields   map[string]openedValue `json:"fields"`
	Grade    string                 `json:"grade"`
	Index    uint64                 `json:"index"`
	Item     uint64                 `json:"item"`
	ItemLeaf attest.Hash            `json:"itemLeaf"`
	Response *attest.Hash           `json:"response,omitempty"`
	Sample   uint32                 `json:"sample"`
	Trace    *attest.Hash           `json:"trace,omitempty"`
}

type openedValue struct {
	Bytes []byte      `json:"bytes"`
	Salt  attest.Hash `json:"salt"`
}

// Prover proves which leaves are in a tree; attest.Tree and attest.StoredTree are
// provers.
type Prover interface {
	ProveOpening(indexes []uint64) ([]attest.Hash, error)
}

// Open writes an opening of leaves, which ascend by index and hold the committed bytes of
// their fields. Every leaf is opened under the run's secret and checked against its own
// commitments before it is written.
func (k Secret) Open(w io.Writer, t Tree, prover Prover, leaves []OpenedLeaf) error {
	indexes := make([]uint64, len(leaves))
	for i, l := range leaves {
		indexes[i] = l.Index
	}
	proof, err := prover.ProveOpening(indexes)
	if err != nil {
		return err
	}
	header := leafHeader{Opened: uint64(len(leaves)), Root: t.Root, RunID: t.RunID, Size: t.Size, Proof: []byte{}}
	for i := range proof {
		header.Proof = append(header.Proof, proof[i][:]...)
	}
	buf := bufio.NewWriterSize(w, 1<<16)
	if err := writeLine(buf, header); err != nil {
		return err
	}
	for _, l := range leaves {
		line, err := k.openedLine(t.RunID, l)
		if err != nil {
			return err
		}
		if err := writeLine(buf, line); err != nil {
			return err
		}
	}
	return buf.Flush()
}

func writeLine(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line, err := attest.Canonicalize(raw)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

func (k Secret) openedLine(runID attest.Hash, l OpenedLeaf) (leafLine, error) {
	line := leafLine{
		Fields: map[string]openedValue{}, Grade: l.Row.Grade, Index: l.Index, Item: l.Row.Item, ItemLeaf: l.ItemLeaf,
		Response: orNil(l.Row.Response), Sample: l.Row.Sample, Trace: orNil(l.Row.Trace),
	}
	for name, value := range l.Fields {
		salt, err := k.Salt(runID, l.Row.Item, l.Row.Sample, name)
		if err != nil {
			return line, err
		}
		if committed, ok := l.Row.committed(name); !ok || attest.CommitField(salt, name, value) != committed {
			return line, fmt.Errorf("leaf %d: the kept %s is not what the result commits to", l.Index, name)
		}
		line.Fields[name] = openedValue{value, salt}
	}
	return line, nil
}

func orNil(h attest.Hash) *attest.Hash {
	if h.IsZero() {
		return nil
	}
	return &h
}

// committed is what a row commits to under a field's name; not ok where it is nothing.
func (r Row) committed(field string) (attest.Hash, bool) {
	switch field {
	case FieldResponse:
		return r.Response, !r.Response.IsZero()
	case FieldTrace:
		return r.Trace, !r.Trace.IsZero()
	}
	return attest.Hash{}, false
}

// MismatchError says that an opening is well-formed and false: a value, a leaf or the
// proof does not fit the result. Any other error means that it could not be read.
type MismatchError struct {
	Line   int // from one; 0 where nobody counted
	Index  uint64
	Reason string
}

func (e *MismatchError) Error() string {
	switch e.Line {
	case 0:
		return fmt.Sprintf("opening: leaf %d: %s", e.Index, e.Reason)
	case 1:
		return "opening: " + e.Reason
	}
	return fmt.Sprintf("opening: line %d: leaf %d: %s", e.Line, e.Index, e.Reason)
}

// ScanOpening reads an opening of leaves of the tree t and calls visit for each. What
// visit sees is UNAUTHENTICATED until ScanOpening returns a nil error: the proof can be
// checked only at the end. It returns how many leaves are opened, and a *MismatchError
// where something does not hold. An error of visit is returned as it is.
func ScanOpening(r io.Reader, t Tree, visit func(OpenedLeaf) error) (uint64, error) {
	lines := &lineReader{r: bufio.NewReaderSize(r, 1<<16)}
	var h leafHeader
	if err := lines.read(&h); err != nil {
		return 0, err
	}
	switch {
	case h.RunID != t.RunID:
		return 0, fmt.Errorf("opening: is of run %s, want %s", h.RunID, t.RunID)
	case h.Size != t.Size || h.Root != t.Root:
		return 0, fmt.Errorf("opening: is of %d leaves with root %s, want %d with %s", h.Size, h.Root, t.Size, t.Root)
	case h.Opened == 0 || h.Opened > h.Size:
		return 0, fmt.Errorf("opening: %d leaves are opened of %d", h.Opened, h.Size)
	case len(h.Proof)%len(attest.Hash{}) != 0:
		return 0, fmt.Errorf("opening: a proof of %d bytes, want a multiple of 32", len(h.Proof))
	}
	var leaves []attest.OpenedLeaf
	for range h.Opened {
		leaf, err := lines.leaf()
		if err != nil {
			return 0, err
		}
		leaves = append(leaves, attest.OpenedLeaf{Index: leaf.Index, Hash: leaf.Row.Leaf(t.RunID, leaf.ItemLeaf)})
		if err := visit(leaf); err != nil {
			return 0, err
		}
	}
	if _, err := lines.r.ReadByte(); err != io.EOF {
		return 0, fmt.Errorf("opening: more than the %d leaves of its first line", h.Opened)
	}
	if err := attest.CheckOpening(t.Size, t.Root, leaves, hashes(h.Proof)); err != nil {
		return 0, &MismatchError{Line: 1, Reason: err.Error()}
	}
	return h.Opened, nil
}

func hashes(b []byte) []attest.Hash {
	list := make([]attest.Hash, len(b)/len(attest.Hash{}))
	for i := range list {
		copy(list[i][:], b[i*len(list[i]):])
	}
	return list
}

type lineReader struct {
	r *bufio.Reader
	n int
}

// read reads the next line into v. Writing it again and comparing refuses what
// encoding/json lets pass: unknown and repeated members, other spellings, other orders.
func (l *lineReader) read(v any) error {
	l.n++
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line)+len(part) > maxOpenedLine {
			return fmt.Errorf("opening: line %d: longer than %d bytes", l.n, maxOpenedLine)
		}
		line = append(line, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF {
			return fmt.Errorf("opening: line %d: the opening ends too early", l.n)
		}
		if err != nil {
			return fmt.Errorf("opening: line %d: %w", l.n, err)
		}
		break
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("opening: line %d: %w", l.n, err)
	}
	var again bytes.Buffer
	if err := writeLine(&again, v); err != nil {
		return fmt.Errorf("opening: line %d: %w", l.n, err)
	}
	if !bytes.Equal(again.Bytes(), line) {
		return fmt.Errorf("opening: line %d: not the canonical form of what it says", l.n)
	}
	return nil
}

// leaf reads the next leaf and checks what it opens against its commitments.
func (l *lineReader) leaf() (OpenedLeaf, error) {
	var line leafLine
	if err := l.read(&line); err != nil {
		return OpenedLeaf{}, err
	}
	if err := CheckGradeForm(line.Grade); err != nil {
		return OpenedLeaf{}, fmt.Errorf("opening: line %d: %w", l.n, err)
	}
	leaf := OpenedLeaf{
		Index: line.Index, ItemLeaf: line.ItemLeaf, Fields: map[string][]byte{},
		Row: Row{Item: line.Item, Sample: line.Sample, Grade: line.Grade},
	}
	for _, c := range []struct {
		from *attest.Hash
		to   *attest.Hash
	}{{line.Response, &leaf.Row.Response}, {line.Trace, &leaf.Row.Trace}} {
		if c.from != nil {
			if *c.to = *c.from; c.to.IsZero() {
				return OpenedLeaf{}, fmt.Errorf("opening: line %d: a commitment of zeros is spelled by leaving it out", l.n)
			}
		}
	}
	for name, value := range line.Fields {
		if err := leaf.check(name, value); err != nil {
			return OpenedLeaf{}, &MismatchError{Line: l.n, Index: line.Index, Reason: err.Error()}
		}
		leaf.Fields[name] = value.Bytes
	}
	return leaf, nil
}

// check holds an opened value against its commitment, and against the rules for
// committed JSON.
func (l *OpenedLeaf) check(name string, value openedValue) error {
	committed, ok := l.Row.committed(name)
	switch {
	case name != FieldResponse && name != FieldTrace:
		return fmt.Errorf("a leaf has no field %.80q", name)
	case !ok:
		return fmt.Errorf("%s: nothing was committed to", name)
	case attest.CommitField(value.Salt, name, value.Bytes) != committed:
		return fmt.Errorf("%s: is not what was committed to", name)
	case len(value.Bytes) == 0:
		return errors.New(name + ": no bytes, want JSON")
	}
	if err := attest.CheckJSON(value.Bytes); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
