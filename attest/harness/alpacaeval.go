package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// alpacaMeasures are the values of an item. A win is the preference less one: 1 is won,
// ½ a draw. Lengths are in characters. The last is what AlpacaEval 2 predicts for
// answers of equal length, where it was written into the file.
var alpacaMeasures = []string{"win", "length", "baseline length", "adjusted win"}

var alpacaAnnotations = Importer{
	Name:   "alpacaeval-annotations",
	Tested: "alpaca_eval at cd543a1: 149 files in results, and 135 of them reduced to preferences and lengths",
	About: About{
		Files:     "MODEL/ANNOTATOR/annotations.json, or a line of JSON for each item with preference, len1, len2, generator_1, generator_2 and annotator in ANNOTATOR__MODEL.jsonl",
		Model:     "by the folder's name, and by generator_2 beside each item",
		Dataset:   "not named; instruction says what was asked",
		Items:     "preference: 2 is won, 1 lost, between them how likely it is that it was won, 1.5 and 0 a draw, null none",
		Aggregate: "none; they are in ANNOTATOR_leaderboard.csv",
		Absent:    "revision of the model and of the annotator, sampling settings, date",
	},
	Claims: func(name string, head []byte) bool {
		if strings.HasSuffix(name, "annotations.json") {
			return bytes.HasPrefix(head, []byte("[")) && hasAny(head, "instruction", "generator_1", "generator_2", "annotator", "preference")
		}
		return strings.HasSuffix(name, ".jsonl") && hasAll(firstLine(head), "preference", "len1", "len2", "generator_2", "annotator")
	},
	Read: readAlpacaAnnotations,
}

// hasAny reports whether one of the members is in a text, as far as it goes.
func hasAny(text []byte, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return bytes.Contains(text, []byte(strconv.Quote(n))) })
}

// hasAll is for members that lie close together: one may be beyond the head.
func hasAll(text []byte, names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !hasAny(text, n) })
}

func readAlpacaAnnotations(fsys fs.FS, name string) (*Imported, error) {
	r := &Run{Format: "alpacaeval", Files: []File{{Path: name}}, Measures: alpacaMeasures, Metrics: alpacaColumns}
	a := &alpacaReader{run: r, file: name, names: naming{}}
	var err error
	if strings.HasSuffix(uncompressedName(name), ".jsonl") {
		err = eachLineOf(fsys, name, a.item)
	} else {
		err = eachElement(fsys, name, a.item)
	}
	if err != nil {
		return nil, err
	}
	r.Names = a.names.list()
	if r.Items.Len() == 0 {
		return nil, errors.New("has no items")
	}
	r.Board, r.Entry, r.Date = alpacaPlace(uncompressedName(name), a.names.most(OfModel), a.names.most(OfJudge))
	r.Model.Name, r.Judge = r.Entry, r.Board
	r.Absent = []string{"revision of the model", "revision of the annotator"}
	if a.same > 0 {
		r.Notices = append(r.Notices, Notice{
			Finding: "sentinel-averaged", File: name, Line: a.sameLine,
			Detail: fmt.Sprintf("%d items have the preference 0 though the two answers differ, and count as draws", a.same),
		})
	}
	return &Imported{Runs: []*Run{r}}, nil
}

// alpacaReader reads one file.
type alpacaReader struct {
	run      *Run
	file     string
	names    naming
	same     int // items said to be draws because the answers are the same, when they are not
	sameLine int
}

func (a *alpacaReader) item(line int, doc foreign) error {
	var preference, output, baseline, adjusted foreign
	it := Item{ID: strconv.Itoa(a.run.Items.Len()), Values: []float64{NoValue, NoValue, NoValue, NoValue}}
	for _, m := range doc.members() {
		switch m.name {
		case "preference":
			preference = m.value
		case "output_1":
			baseline = m.value
		case "output_2":
			output = m.value
		case "glm_preference":
			adjusted = m.value
		case "len1":
			it.Values[2], _ = m.value.float()
		case "len2":
			it.Values[1], _ = m.value.float()
		case "generator_1":
			a.names.add(OfBaseline, m.name, m.value)
		case "generator_2":
			a.names.add(OfModel, m.name, m.value)
		case "annotator":
			a.names.add(OfJudge, m.name, m.value)
		case "instruction":
			if it.Input = textDigest(m.value); it.Input != (Digest{}) {
				it.ID = it.Input.String()
			}
		case "dataset":
			it.Group, _ = m.value.text()
		}
	}
	if preference == nil {
		return errors.New("member preference is missing")
	}
	it.Values[0], it.Excluded = alpacaWin(preference)
	if text, ok := output.text(); ok {
		it.Output = TextDigest([]byte(text))
		it.Values[1] = float64(utf8.RuneCountInString(text))
	}
	if text, ok := baseline.text(); ok {
		it.Values[2] = float64(utf8.RuneCountInString(text))
	}
	if x, ok := adjusted.float(); ok {
		it.Values[3] = x
	}
	if string(preference) == "0" && !bytes.Equal(output, baseline) || isZero(preference) && it.Values[1] != it.Values[2] {
		if a.same++; a.same == 1 {
			a.sameLine = line
		}
	}
	return a.run.Items.Add(it)
}

func isZero(f foreign) bool { x, ok := f.float(); return ok && x == 0 }

// alpacaWin makes a win of a preference.
func alpacaWin(preference foreign) (win float64, excluded string) {
	x, ok := preference.float()
	switch {
	case !ok:
		return NoValue, ""
	case x == 0:
		return 0.5, ""
	case x < 1 || x > 2:
		return NoValue, "preference " + preference.describe()
	}
	return x - 1, ""
}

func textDigest(v foreign) (d Digest) {
	if text, ok := v.text(); ok {
		return TextDigest([]byte(text))
	}
	return d
}

// float returns a finite number.
func (f foreign) float() (float64, bool) {
	if !f.isNumber() {
		return NoValue, false
	}
	x, err := strconv.ParseFloat(string(f), 64)
	if err != nil {
		return NoValue, false
	}
	return x, true
}

var alpacaDate = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}`)

// alpacaPlace says which row of which leaderboard a file belongs to. The file's place
// decides, since that is what the leaderboard is made by; what stands inside only says
// which part of the place is which.
func alpacaPlace(name, generator, annotator string) (board, entry, date string) {
	base, dir := path.Base(name), path.Dir(name)
	if board, entry, ok := strings.Cut(strings.TrimSuffix(base, ".jsonl"), "__"); ok && base != board {
		return board, entry, ""
	}
	stem := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(base, ".jsonl"), "annotations.json"), ".")
	switch {
	case stem == "":
		return alpacaFolder(strings.Split(dir, "/"), generator, annotator)
	case strings.HasSuffix(stem, "."+annotator):
		return annotator, strings.TrimSuffix(stem, "."+annotator), ""
	case strings.HasPrefix(stem, generator+"."):
		return annotator, generator, alpacaDate.FindString(strings.TrimPrefix(stem, generator+"."))
	case path.Base(dir) == generator:
		return stem, generator, ""
	}
	return annotator, stem, ""
}

// alpacaFolder is the place of an annotations.json: results/MODEL/ANNOTATOR, or what of
// that there is.
func alpacaFolder(dirs []string, generator, annotator string) (board, entry, date string) {
	if i := slices.Index(dirs, "results"); i >= 0 {
		dirs = dirs[i+1:]
		if len(dirs) >= 2 {
			return dirs[len(dirs)-1], dirs[0], ""
		}
	}
	n := len(dirs)
	last := ""
	if n > 0 && dirs[n-1] != "." {
		last = dirs[n-1]
	}
	switch {
	case last == "":
		return annotator, generator, ""
	case n >= 2 && dirs[n-2] != "" && (last == annotator || dirs[n-2] == generator):
		return last, dirs[n-2], ""
	}
	return annotator, last, ""
}
