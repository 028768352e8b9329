package harness

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxCells is how many cells a table can have.
const maxCells = 2_000_000

// readCSV reads a table of text: its header, and a function called for each record
// with its line. Records have as many fields as the header.
func readCSV(fsys fs.FS, name string, header func(fields []string) error, record func(line int, fields []string) error) (err error) {
	f, err := openPlain(fsys, name)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	limited := &io.LimitedReader{R: f, N: MaxResults + 1}
	r := csv.NewReader(limited)
	r.ReuseRecord = true
	cells := 0
	for first := true; ; first = false {
		fields, err := r.Read()
		switch {
		case limited.N == 0:
			return fmt.Errorf("is larger than %d bytes", MaxResults)
		case errors.Is(err, io.EOF) && first:
			return errors.New("is empty")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		line, _ := r.FieldPos(0)
		if cells += len(fields); cells > maxCells {
			return fmt.Errorf("has more than %d cells", maxCells)
		}
		if first {
			err = header(fields)
		} else {
			err = record(line, fields)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}
