package history

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

// AlpacaEval 2 publishes what a logistic regression predicts for answers of equal
// length: the mean over instructions of 1/(1+exp(−(m + d·difficulty))), with two
// weights of the model's own, m and d. The regression is not done again here; its
// weights are published, and the difficulties are a file, or follow from predictions
// that were written beside items.

// weightsOf is a row of published weights.
type weightsOf struct {
	model, difficulty float64
	place             Place
	guessed           bool // the file does not say whose weights they are
}

// weights finds the weights of a table's row.
func (a *audit) weights(t *harness.Table, entry string) (weightsOf, error) {
	for _, w := range a.in.Weights {
		if w.Format != t.Format || w.Board != t.Board && (w.Board != "" || !a.fits(w, t)) {
			continue
		}
		i := a.weightRow(w, entry)
		if i < 0 {
			continue
		}
		row := w.Rows[i]
		m, err1 := strconv.ParseFloat(row.Values[slices.Index(w.Columns, harness.AlpacaModel)], 64)
		d, err2 := strconv.ParseFloat(row.Values[slices.Index(w.Columns, harness.AlpacaDifficulty)], 64)
		if err1 != nil || err2 != nil || math.IsNaN(m+d) || math.IsInf(m+d, 0) {
			return weightsOf{}, fmt.Errorf("its weights in %s:%d are no numbers", w.File.Path, row.Line)
		}
		return weightsOf{m, d, placeOf(w.File, row.Line), w.Board == ""}, nil
	}
	return weightsOf{}, fmt.Errorf("no weights of its regression were found")
}

// weightRow finds an entry among weights, by an index that is made once.
func (a *audit) weightRow(w *harness.Weights, entry string) int {
	index := a.weightIndex[w]
	if index == nil {
		index = map[string]int{}
		for i, row := range w.Rows {
			index[row.Entry] = i
		}
		a.weightIndex[w] = index
	}
	if i, ok := index[entry]; ok {
		return i
	}
	return -1
}

// fits reports whether weights that do not name their table can only be this one's.
func (a *audit) fits(w *harness.Weights, t *harness.Table) bool {
	board, ok := a.weightBoard[w]
	if !ok {
		board = a.boardOf(w)
		a.weightBoard[w] = board
	}
	return board != "" && board == t.Board
}

// boardOf is the only table in which nine in ten of the weights have a row, "" if there
// is none or more than one.
func (a *audit) boardOf(w *harness.Weights) string {
	board := ""
	for _, other := range a.in.Tables {
		if other.Format != w.Format || !slices.ContainsFunc(other.Columns, isAdjusted) {
			continue
		}
		n := 0
		for _, row := range other.Rows {
			if a.weightRow(w, row.Entry) >= 0 {
				n++
			}
		}
		if 10*n >= 9*len(w.Rows) {
			if board != "" && board != other.Board {
				return ""
			}
			board = other.Board
		}
	}
	return board
}

func isAdjusted(c harness.Column) bool {
	return c.Metric != nil && c.Metric.Rule == harness.LengthAdjusted
}

// difficulties are those of the instructions in their order.
type difficulties struct {
	values []float64
	files  []Place
	how    string // a clause for a person; "" when there is a file of them
}

// findDifficulties takes a file of difficulties, or works them out from predictions.
func (a *audit) findDifficulties() *difficulties {
	for _, r := range a.in.Runs {
		if r.Format == harness.AlpacaDifficulties {
			d := &difficulties{files: places(r)}
			for i := range r.Items.Len() {
				d.values = append(d.values, r.Items.Values(i)[0])
			}
			return d
		}
	}
	var best *difficulties
	for _, t := range a.in.Tables {
		for _, r := range a.in.Runs {
			if r.Format == t.Format && r.Board == t.Board && (best == nil || r.Items.Len() > len(best.values)) {
				if d := a.fromPredictions(t, r); d != nil {
					best = d
				}
			}
		}
	}
	return best
}

// fromPredictions inverts the regression for a run whose items all have predictions.
func (a *audit) fromPredictions(t *harness.Table, r *harness.Run) *difficulties {
	measure := slices.Index(r.Measures, "adjusted win")
	if measure < 0 {
		return nil
	}
	if _, ok := itemMeasure(r, 0, measure); !ok {
		return nil
	}
	w, err := a.weights(t, r.Entry)
	if err != nil || w.difficulty == 0 {
		return nil
	}
	d := &difficulties{files: append(places(r), w.place), how: "difficulties recovered from predictions in " + r.Files[0].Path}
	for i := range r.Items.Len() {
		p, ok := itemMeasure(r, i, measure)
		if !ok || p <= 0 || p >= 1 {
			return nil
		}
		d.values = append(d.values, (math.Log(p/(1-p))-w.model)/w.difficulty)
	}
	return d
}

// itemMeasure is a value of an item that is not judged by, whether or not it has an
// outcome.
func itemMeasure(r *harness.Run, i, measure int) (float64, bool) {
	values := r.Items.Values(i)
	if measure >= len(values) || math.IsNaN(values[measure]) {
		return 0, false
	}
	return values[measure], true
}

// predictions are the moments of what the regression predicts for these instructions,
// of 1.
func (w weightsOf) predictions(difficulty []float64) (mean, sd float64) {
	all := make([]float64, len(difficulty))
	var total, squares sum
	for i, d := range difficulty {
		all[i] = 1 / (1 + math.Exp(-(w.model + w.difficulty*d)))
		total.add(all[i])
	}
	n := float64(len(all))
	mean = total.value() / n
	for _, p := range all {
		squares.add((p - mean) * (p - mean))
	}
	if len(all) > 1 {
		sd = math.Sqrt(squares.value() / (n - 1))
	}
	return mean, sd
}

// judgeAdjusted compares a length-adjusted win rate, or its error, with what the
// published weights give.
func (a *audit) judgeAdjusted(out *Row, t *harness.Table, m harness.Metric) {
	p, err := parsePublished(out.Published)
	if err != nil {
		out.Status, out.Detail = NotComputable, fmt.Sprintf("published %q %s", out.Published, err)
		return
	}
	w, err := a.weights(t, out.Entry)
	if err == nil && a.difficulty == nil {
		err = fmt.Errorf("nothing says how difficult the instructions are")
	}
	if err != nil {
		out.Status, out.Detail = NotComputable, err.Error()
		return
	}
	d := a.difficulty
	out.Files = append(append(out.Files, w.place), d.files...)
	value := func(items int) float64 {
		mean, sd := w.predictions(d.values[:items])
		if m.Rule == harness.LengthError {
			return 100 * sd / math.Sqrt(float64(items))
		}
		return 100 * mean
	}
	all := len(d.values)
	got := value(all)
	// Weights have 16 decimals, difficulties come from predictions with 10.
	same := p.shows(got) || math.Abs(got-p.value) <= adjustedNoise
	out.Status, out.Recomputed, out.Items = Reproduced, p.spell(got, same), all
	var notes []string
	if !same {
		out.Status = Differs
		notes = append(notes, fmt.Sprintf("differs by %s", spellPlain(got-p.value)))
		if n := a.positions(t, out.Entry); n > 0 && n < all && math.Abs(value(n)-p.value) <= adjustedNoise {
			notes = append(notes, fmt.Sprintf("of the first %d of the %d difficulties it is the published number: %d items have a result, and were given difficulties by position", n, all, n))
		}
	}
	note := "computed from published weights, which were not fitted again"
	if w.guessed {
		note += " and are joined to this table by their entries alone"
	}
	notes = append(notes, note)
	if d.how != "" {
		notes = append(notes, d.how)
	}
	out.Detail = strings.Join(notes, "; ")
}

const adjustedNoise = 1e-6

// positions is how many items the results of a table's row have, as far as the files
// say.
func (a *audit) positions(t *harness.Table, entry string) int {
	for _, r := range a.runs[key{t.Board, entry}] {
		return r.Items.Len()
	}
	for i := range t.Rows {
		if t.Rows[i].Entry != entry {
			continue
		}
		for j, c := range t.Columns {
			if c.Metric != nil && c.Metric.Rule == harness.Count {
				if p, err := parsePublished(t.Rows[i].Values[j]); err == nil {
					return int(p.value)
				}
			}
		}
	}
	return 0
}
