package testset

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/proctor-attest/proctor/attest"
)

// The files of a store. See the package comment.
const (
	descriptionFile = "set.json"
	secretFile      = "secret"
	itemsFile       = "items.jsonl"
	indexFile       = "items.index"
	treeFile        = "tree"
	bitmapFile      = "bitmap"

	indexEntry   = 16
	storeVersion = 2 // 1 had no tree, and was never released
)

// description is set.json; its members are in canonical order.
type description struct {
	Active  attest.Hash `json:"active"`
	Batches []uint64    `json:"batches"`
	Fields  []string    `json:"fields"`
	Issuer  string      `json:"issuer"`
	Key     string      `json:"key"`
	Name    string      `json:"name"`
	Root    attest.Hash `json:"root"`
	SetID   attest.Hash `json:"setID"`
	Size    uint64      `json:"size"`
	Version int         `json:"version"`
}

func (d description) marshal() ([]byte, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return attest.Canonicalize(data)
}

// CreateStore makes the owner's private store of a set in dir, which must not
// exist. It hands commit a writer for the private records, which is what Commit
// wants, and writes the rest from the version that commit returns. All is
// written under another name beside dir, synced, and renamed: dir is there
// entirely or not at all. Files have mode 0600; losing them loses openings,
// never verifiability.
func CreateStore(dir string, secret Secret, commit func(private io.Writer) (*Version, error)) (*Version, error) {
	dir = filepath.Clean(dir)
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			err = os.ErrExist
		}
		return nil, fmt.Errorf("creating store %s: %w", dir, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".new-*")
	if err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	defer os.RemoveAll(tmp) // in vain after the rename
	var v *Version
	err = writeFile(filepath.Join(tmp, itemsFile), func(w io.Writer) (err error) {
		if v, err = commit(w); err == nil && v == nil {
			err = errors.New("nothing was committed")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := v.save(tmp, secret); err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return nil, fmt.Errorf("creating store: %w", err)
	}
	return v, syncDir(filepath.Dir(dir))
}

func (v *Version) save(dir string, secret Secret) error {
	// A store that opens nothing must not be found out after the file is gone.
	if v.Size == 0 || uint64(len(v.records)) != v.Size {
		return errors.New("version does not come from Commit")
	}
	text, err := description{v.Active, v.batches, v.Fields, v.Issuer, v.Key, v.Name, v.Root, v.ID, v.Size, storeVersion}.marshal()
	if err != nil {
		return err
	}
	whole := func(data []byte) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		}
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{secretFile, whole(formatSecret(secret))},
		{indexFile, v.writeIndex},
		{treeFile, func(w io.Writer) error { _, err := v.Tree.WriteTo(w); return err }},
		{bitmapFile, whole(v.Bitmap)},
		{descriptionFile, whole(append(text, '\n'))},
	} {
		if err := writeFile(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func (v *Version) writeIndex(w io.Writer) error {
	var entry [indexEntry]byte
	for _, r := range v.records {
		binary.BigEndian.PutUint64(entry[:], r.offset)
		binary.BigEndian.PutUint32(entry[8:], r.length)
		binary.BigEndian.PutUint32(entry[12:], r.rev)
		if _, err := w.Write(entry[:]); err != nil {
			return err
		}
	}
	return nil
}

func parseDescription(text []byte) (description, error) {
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("%s: %w", descriptionFile, err)
	}
	again, err := d.marshal()
	if err != nil {
		return d, fmt.Errorf("%s: %w", descriptionFile, err)
	}
	if !bytes.Equal(append(again, '\n'), text) {
		return d, fmt.Errorf("%s was not written by this version of Proctor, or was edited", descriptionFile)
	}
	var total uint64
	for _, n := range d.Batches {
		if n > d.Size {
			return d, fmt.Errorf("%s: a batch of %d in a set of %d", descriptionFile, n, d.Size)
		}
		total += n
	}
	switch {
	case d.Version != storeVersion:
		return d, fmt.Errorf("%s: the store has version %d, this Proctor reads %d", descriptionFile, d.Version, storeVersion)
	case d.SetID != ID(d.Issuer, d.Name):
		return d, fmt.Errorf("%s: setID %s is not that of issuer %q and name %q", descriptionFile, d.SetID, clip(d.Issuer), clip(d.Name))
	case d.Size == 0 || d.Size >= 1<<32 || total != d.Size:
		return d, fmt.Errorf("%s: batches of %d items in a set of %d", descriptionFile, total, d.Size)
	}
	return d, checkFields(d.Fields)
}
