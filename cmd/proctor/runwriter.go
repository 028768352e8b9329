package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/attest/run"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// What is kept of a run.
const (
	secretFile     = "secret"
	responsesFile  = "responses.jsonl"
	itemLeavesFile = "items"
)

// runWriter commits responses and keeps what opens them: K_run and the responses
// themselves, written under another name first and put in place whole.
type runWriter struct {
	final, dir string
	runID      attest.Hash
	secret     run.Secret
	file       *os.File
	buf        *bufio.Writer
}

func newRunWriter(final string, runID attest.Hash, reg *attest.Registration) (*runWriter, error) {
	dir, err := os.MkdirTemp(filepath.Dir(final), ".new-")
	if err != nil {
		return nil, err
	}
	w := &runWriter{final: final, dir: dir, runID: runID}
	if err := w.open(); err != nil {
		w.abandon()
		return nil, err
	}
	return w, nil
}

func (w *runWriter) open() error {
	if _, err := rand.Read(w.secret[:]); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(w.dir, secretFile), []byte(attest.Hash(w.secret).String()+"\n"), 0o600); err != nil {
		return err
	}
	var err error
	w.file, err = os.OpenFile(filepath.Join(w.dir, responsesFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w.buf = bufio.NewWriter(w.file)
	return nil
}

// commit turns a row of the log into a row of the result.
func (w *runWriter) commit(item uint64, row harness.Row) (run.Row, error) {
	out := run.Row{Item: item, Sample: row.Sample, Grade: row.Grade}
	var err error
	if out.Response, err = w.secret.Commit(w.runID, item, row.Sample, run.FieldResponse, row.Response); err != nil {
		return out, err
	}
	if out.Trace, err = w.secret.Commit(w.runID, item, row.Sample, run.FieldTrace, row.Trace); err != nil {
		return out, err
	}
	line, err := json.Marshal(struct {
		Item     uint64          `json:"item"`
		Sample   uint32          `json:"sample"`
		Response json.RawMessage `json:"response,omitempty"`
		Trace    json.RawMessage `json:"trace,omitempty"`
	}{item, row.Sample, row.Response, row.Trace})
	if err != nil {
		return out, err
	}
	// The committed bytes are canonical; what is kept must open to them.
	if line, err = attest.Canonicalize(line); err != nil {
		return out, err
	}
	_, err = w.buf.Write(append(line, '\n'))
	return out, err
}

// keepItems keeps the items' leaves, which an answer to a challenge shows: the opening of
// the items may be gone by then.
func (w *runWriter) keepItems(skeleton []attest.Hash) error {
	return durable.Write(filepath.Join(w.dir, itemLeavesFile), 0o600, func(out io.Writer) error {
		buf := bufio.NewWriter(out)
		for i := range skeleton {
			if _, err := buf.Write(skeleton[i][:]); err != nil {
				return err
			}
		}
		return buf.Flush()
	})
}

func (w *runWriter) close() error {
	if err := w.buf.Flush(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(w.dir, w.final); err != nil {
		return fmt.Errorf("keeping the responses: %w", err)
	}
	return durable.SyncDir(filepath.Dir(w.final))
}

// abandon removes what was kept for a result that will not be signed.
func (w *runWriter) abandon() {
	w.file.Close()
	os.RemoveAll(w.dir)
	os.RemoveAll(w.final)
}
