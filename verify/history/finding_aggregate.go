package history

import (
	"fmt"
	"slices"
	"strings"
)

// aggregateDiffers finds rows with numbers that do not come out of their results.
func aggregateDiffers(a *audit) []Finding {
	var all []Finding
	at := map[string]int{}
	why := map[string][]string{}
	for _, row := range a.results {
		if row.Status != Differs {
			continue
		}
		i, ok := at[row.Row]
		if !ok {
			i = len(all)
			at[row.Row] = i
			all = append(all, Finding{Name: "aggregate-differs", Row: row.Row})
		}
		all[i].Files = dedupe(append(all[i].Files, row.Files...))
		all[i].Detail += fmt.Sprintf("; %s is published as %s and comes to %s", row.Metric, row.Published, row.Recomputed)
		for _, reason := range strings.Split(row.Detail, "; ") {
			if !strings.HasPrefix(reason, "differs by ") && !slices.Contains(why[row.Row], reason) {
				why[row.Row] = append(why[row.Row], reason)
			}
		}
	}
	for i := range all {
		all[i].Detail = strings.TrimPrefix(all[i].Detail, "; ")
		if reasons := why[all[i].Row]; len(reasons) > 0 {
			all[i].Detail += " (" + strings.Join(reasons, "; ") + ")"
		}
	}
	return all
}

// noticed are what importers saw.
func noticed(a *audit) []Finding {
	found := findingSet{}
	for _, r := range a.in.Runs {
		for _, n := range r.Notices {
			files := places(r)
			for i := range files {
				if files[i].Path == n.File {
					files = []Place{{files[i].Path, files[i].SHA256, n.Line}}
					break
				}
			}
			found.add(Finding{Name: n.Finding, Row: rowOf(r), Files: files, Detail: n.Detail})
		}
	}
	for _, t := range a.in.Tables {
		for _, n := range t.Notices {
			found.add(Finding{Name: n.Finding, Row: t.Board, Files: []Place{placeOf(t.File, n.Line)}, Detail: n.Detail})
		}
	}
	return found.list()
}
