// Package monitor follows a ledger and finds out when it lies: when it lost or changed
// what it had signed, shows others another history, or serves entries that are not
// those of its checkpoint.
//
// It promises that an accusation comes with evidence that anybody can check: two notes
// signed by the log's key, and where their sizes differ a consistency proof by which
// the larger does not begin with the smaller. A ledger that merely became smaller, or
// is behind what others have seen, is told of without being accused: no proof says in
// which order notes were signed.
//
// What entries say is for the caller. Nobody sees what was shown to nobody: a monitor is
// as good as the checkpoints that reach it, from witnesses, from packs and from other
// monitors.
package monitor

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// A Monitor follows one ledger. Its methods are for one goroutine at a time.
type Monitor struct {
	// Witnesses are those whose cosignatures are looked for on what cannot both be so.
	Witnesses []ledger.WitnessKey

	dir    string // of this ledger
	key    ledger.LogKey
	reader *watched
	last   ledger.Checkpoint // the newest that was checked; Signed is nil for none
	told   uint64            // entries before it were told
}

// A Sighting is a checkpoint that somebody else has seen.
type Sighting struct {
	From   string // a witness, a pack: for people
	Signed []byte
}

// Kinds of Event. Those of Lies come with evidence.
const (
	SplitView = "split-view" // two histories, both signed
	Rollback  = "rollback"   // it is smaller than what it had signed
	Damaged   = "damaged"    // its entries or tiles are not those of its checkpoint
	Behind    = "behind"     // others have seen more of it
)

// An Event is something that a reader of the ledger should know.
type Event struct {
	Kind     string
	Detail   string
	Evidence string // a file; "" where there is none
}

// Open returns the monitor of a ledger, whose state is kept below dir.
func Open(dir string, key ledger.LogKey, r ledger.Reader) (*Monitor, error) {
	sum := sha256.Sum256([]byte(key.Origin))
	m := &Monitor{dir: filepath.Join(dir, hex.EncodeToString(sum[:8])), key: key, reader: &watched{Reader: r}}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return nil, err
	}
	signed, err := os.ReadFile(m.path("checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	if m.last, err = key.Open(signed); err != nil {
		return nil, fmt.Errorf("%s: %w", m.path("checkpoint"), err)
	}
	return m, nil
}

func (m *Monitor) path(name string) string { return filepath.Join(m.dir, name) }

// Last is the newest checkpoint that was checked, with a nil Signed for none.
func (m *Monitor) Last() ledger.Checkpoint { return m.last }

// Check reads what is new. It calls entry for all entries of the ledger the first time
// that this Monitor is used, and for new ones after that; what it was told counts when
// Check returns no event Damaged. An error says that the ledger could not be read, and
// that nothing is known.
func (m *Monitor) Check(ctx context.Context, seen []Sighting, entry func(index uint64, data []byte) error) ([]Event, error) {
	m.reader.failed = nil
	signed, err := m.reader.ReadCheckpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading checkpoint: %w", err)
	}
	now, err := m.key.Open(signed)
	if err != nil {
		return nil, err
	}
	var events []Event
	if m.last.Signed != nil {
		e, err := m.compare(ctx, "this monitor", m.last, now)
		if err != nil {
			return nil, err
		}
		events = append(events, e...)
	}
	for _, s := range seen {
		other, err := m.key.Open(s.Signed)
		if err != nil {
			continue // not of this log, or not signed by it: it accuses nobody
		}
		e, err := m.compare(ctx, s.From, other, now)
		if err != nil {
			return nil, err
		}
		events = append(events, e...)
	}
	if len(events) > 0 && now.Size < m.told {
		return events, nil
	}
	var failed error // of the caller
	err = ledger.ScanVerified(ctx, m.reader, now, m.told, func(index uint64, data []byte) error {
		failed = entry(index, data)
		return failed
	})
	switch {
	case failed != nil:
		return events, failed
	case err != nil && m.reader.failed != nil:
		return events, err
	case err != nil:
		return append(events, Event{Kind: Damaged, Detail: err.Error()}), nil
	}
	m.told = now.Size
	if lies(events) || now.Size < m.last.Size {
		return events, nil // what was seen before stays what the ledger is held to
	}
	m.last = now
	return events, durable.WriteFile(m.path("checkpoint"), signed, 0o644)
}

func lies(events []Event) bool {
	for _, e := range events {
		if e.Kind != Behind {
			return true
		}
	}
	return false
}

// compare holds the served checkpoint against one that was seen.
func (m *Monitor) compare(ctx context.Context, from string, seen, now ledger.Checkpoint) ([]Event, error) {
	if seen.Size > now.Size {
		kind := Behind
		if from == "this monitor" {
			kind = Rollback
		}
		e := Event{Kind: kind, Detail: fmt.Sprintf("%s has seen size %d, and it serves size %d", from, seen.Size, now.Size)}
		if kind == Rollback {
			return m.keep(e, seen, now, nil)
		}
		return []Event{e}, nil
	}
	err := ledger.CheckConsistent(ctx, m.reader, seen, now)
	var rollback *ledger.RollbackError
	switch {
	case errors.As(err, &rollback):
		detail := fmt.Sprintf("%s has seen size %d with root %x, of which size %d with root %x is no continuation", from, seen.Size, seen.Root[:8], now.Size, now.Root[:8])
		if names := m.cosignedBoth(seen, now); len(names) > 0 {
			detail += "; both are cosigned by " + strings.Join(names, ", ")
		}
		return m.keep(Event{Kind: SplitView, Detail: detail}, seen, now, rollback.Proof)
	case err != nil && m.reader.failed != nil:
		return nil, err
	case err != nil:
		return []Event{{Kind: Damaged, Detail: err.Error()}}, nil
	}
	return nil, nil
}

// keep writes two notes, and the proof between them, to a file that is named by what is
// in it.
func (m *Monitor) keep(e Event, old, now ledger.Checkpoint, proof [][32]byte) ([]Event, error) {
	sum := sha256.Sum256(append(append([]byte(nil), old.Signed...), now.Signed...))
	e.Evidence = m.path(fmt.Sprintf("%s-%s.txt", e.Kind, hex.EncodeToString(sum[:8])))
	return []Event{e}, durable.WriteFile(e.Evidence, FormatEvidence(e.Kind, e.Detail, old, now, proof), 0o644)
}

// FormatEvidence is what convicts a ledger: a line for people, the consistency proof that
// does not hold, if one is needed, and the two notes.
func FormatEvidence(kind, detail string, old, now ledger.Checkpoint, proof [][32]byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s: %s\n\n", kind, detail)
	for _, h := range proof {
		fmt.Fprintln(&b, base64.StdEncoding.EncodeToString(h[:]))
	}
	fmt.Fprintf(&b, "\n%s\n%s", old.Signed, now.Signed)
	return b.Bytes()
}

// cosignedBoth are the witnesses that cosigned two checkpoints of which one does not
// continue the other. No honest one does.
func (m *Monitor) cosignedBoth(a, b ledger.Checkpoint) (names []string) {
	for _, w := range m.Witnesses {
		_, first := w.Cosigned(a.Signed)
		if _, second := w.Cosigned(b.Signed); first == nil && second == nil {
			names = append(names, w.Name)
		}
	}
	return names
}

// watched remembers that something could not be read: what follows from that is no fault
// of the ledger's that anybody could name.
type watched struct {
	ledger.Reader
	failed error
}

func (w *watched) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	data, err := w.Reader.ReadTile(ctx, level, index, p)
	w.failed = cmp.Or(w.failed, err)
	return data, err
}

func (w *watched) ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error) {
	data, err := w.Reader.ReadEntryBundle(ctx, index, p)
	w.failed = cmp.Or(w.failed, err)
	return data, err
}
