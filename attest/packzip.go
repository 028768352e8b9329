package attest

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// ReadZip reads a pack from a zip of the given size.
func ReadZip(r io.ReaderAt, size int64) (*Pack, error) { return Reader{}.Zip(r, size) }

// Zip reads a pack from a zip of the given size.
func (rd Reader) Zip(r io.ReaderAt, size int64) (*Pack, error) {
	listed, err := openZip(r, size)
	if err != nil {
		return nil, fmt.Errorf("evidence pack: %w", err)
	}
	files := map[string]packFile{}
	for _, f := range listed {
		if strings.HasSuffix(f.Name, "/") && f.Mode().IsDir() {
			if !packFolders[strings.TrimSuffix(f.Name, "/")] {
				return nil, fmt.Errorf("evidence pack: folder %q: %w", clip(f.Name), errOtherFolder)
			}
			continue
		}
		if !f.Mode().IsRegular() {
			return nil, fmt.Errorf("evidence pack: %q is not a regular file", clip(f.Name))
		}
		if _, dup := files[f.Name]; dup {
			return nil, fmt.Errorf("evidence pack: %q appears twice", clip(f.Name))
		}
		if f.UncompressedSize64 > maxArtifact {
			return nil, fmt.Errorf("evidence pack: %q is larger than %d bytes", clip(f.Name), int64(maxArtifact))
		}
		// That the sizes are those of the file's own header says nothing of what it unfolds to.
		if stored := f.CompressedSize64; f.UncompressedSize64 > bombSize && f.UncompressedSize64/bombRatio > stored {
			return nil, fmt.Errorf("evidence pack: %q unfolds from %d bytes to %d", clip(f.Name), stored, f.UncompressedSize64)
		}
		files[f.Name] = packFile{int64(f.UncompressedSize64), f.Open}
	}
	return rd.read(files)
}

// files lays the pack out as it is stored.
func (p *Pack) files() map[string]packFile {
	files := map[string]packFile{}
	for id, e := range p.Entries {
		stem := "entries/" + id.String()
		files[stem+bundleSuffix] = inline(e.Bytes)
		if len(e.Proof) > 0 {
			files[stem+proofSuffix] = inline(e.Proof)
		}
		if len(e.Timestamp) > 0 {
			files[stem+timestampSuffix] = inline(e.Timestamp)
		}
	}
	for sum, f := range p.artifacts {
		files["artifacts/"+sum.String()] = f
	}
	for r, data := range p.Beacons {
		files[fmt.Sprintf("beacons/%s-%d.json", r.Chain, r.Round)] = inline(data)
	}
	return files
}

// WriteZip writes the pack as a zip; equal packs give equal bytes.
func (p *Pack) WriteZip(w io.Writer) error {
	z := zip.NewWriter(w)
	files := p.files()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := addToZip(z, name, files[name]); err != nil {
			return fmt.Errorf("writing evidence pack: %s: %w", name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("writing evidence pack: %w", err)
	}
	return nil
}

func addToZip(z *zip.Writer, name string, f packFile) error {
	file, err := f.open()
	if err != nil {
		return err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, sampleSize)
	method, err := zipMethod(r)
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: name, Method: method, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o644)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

const sampleSize = 1 << 16

// zipMethod tells from the beginning of a file whether to deflate it. The skeleton of
// a large test set is hashes: it would take a second, and be no smaller. What a pack
// holds alone decides, so that equal packs stay equal.
func zipMethod(r *bufio.Reader) (uint16, error) {
	sample, err := r.Peek(sampleSize)
	if err == io.EOF {
		return zip.Deflate, nil // it is small
	}
	if err != nil {
		return 0, err
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(sample); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	if packed.Len() > sampleSize/10*9 {
		return zip.Store, nil
	}
	return zip.Deflate, nil
}
