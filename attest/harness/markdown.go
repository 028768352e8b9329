package harness

import (
	"regexp"
	"strings"
)

var markdownLink = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// markdownCells are those of a line of a Markdown table, without emphasis and links; nil for
// other lines.
func markdownCells(line string) []string {
	line = strings.TrimSpace(line)
	if len(line) < 2 || line[0] != '|' || line[len(line)-1] != '|' {
		return nil
	}
	cells := strings.Split(line[1:len(line)-1], "|")
	for i, c := range cells {
		c = markdownLink.ReplaceAllString(strings.TrimSpace(c), "$1")
		if cells[i] = strings.Trim(c, "*"); strings.Trim(c, "?") == "" {
			cells[i] = ""
		}
	}
	return cells
}

func (b *tableBuilder) markdown(data []byte) (err error) {
	inside := false
	for i, line := range strings.Split(string(data), "\n") {
		cells := markdownCells(line)
		switch {
		case cells == nil:
			inside = false
		case inside && strings.Trim(strings.Join(cells, ""), "-: ") == "":
		case inside:
			err = b.row(i+1, cells)
		case isTable(cells):
			inside, err = true, b.header(cells)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
