package history

import "fmt"

// impliedOf is a metric of one task, which several models have.
type impliedOf struct{ format, board, metric string }

// otherItems finds standard errors that imply another number of items than nearly all
// others of the same task do, where no file states the number.
func otherItems(all []pair) []Finding {
	sizes := map[impliedOf]map[int64]int{}
	size := make([]int64, len(all)) // 0 where there is not one alone
	for i, p := range all {
		n, err := p.implied()
		if p.of == (impliedOf{}) || p.stated > 0 || err != nil || !n.Tried || len(n.Items) != 1 {
			continue
		}
		size[i] = n.Items[0]
		if sizes[p.of] == nil {
			sizes[p.of] = map[int64]int{}
		}
		sizes[p.of][size[i]]++
	}
	var found []Finding
	for i, p := range all {
		if size[i] == 0 {
			continue
		}
		total, usual := 0, size[i]
		for n, times := range sizes[p.of] {
			if total += times; times > sizes[p.of][usual] {
				usual = n
			}
		}
		times := sizes[p.of][usual]
		if usual == size[i] || total < 5 || 10*times < 8*total {
			continue
		}
		found = append(found, Finding{
			Name: "implied-n", Row: p.row, Files: p.files,
			Detail: fmt.Sprintf("%s %s with the standard error %s comes from %d items, and those of %d of %d results of this task from %d",
				p.metric.Name, p.mean, p.error, size[i], times, total, usual),
		})
	}
	return found
}
