package testset

import (
	"strconv"

	"github.com/proctor-attest/proctor/attest"
)

// committer commits to items, one after the other. It is for one goroutine.
type committer struct {
	file     string
	fields   []string
	key      string // the key member
	salts    *Salts
	normal   *normalizer
	position map[string]int // of a field
	written  []int          // fields in canonical order
	quoted   [][]byte       // field names as JSON

	// Of the item in hand.
	values      [][]byte
	commitments []attest.Hash
	buf         []byte
}

func newCommitter(file string, v *Version, secret Secret) *committer {
	c := &committer{
		file: file, fields: v.Fields, key: v.Key,
		salts:    secret.Salts(v.ID),
		normal:   newNormalizer(v.Fields, v.Key),
		position: map[string]int{},
		written:  canonicalOrder(v.Fields),
	}
	for i, f := range v.Fields {
		c.position[f] = i
		c.quoted = append(c.quoted, attest.AppendString(nil, f))
	}
	return c
}

// output is what comes out of some items.
type output struct {
	items   []outputItem
	records []byte // the private records
	err     error  // of the row after the items
}

func (c *output) reset() { c.items, c.records, c.err = c.items[:0], c.records[:0], nil }

type outputItem struct {
	leaf   attest.Hash
	order  attest.Hash
	normal digest // of the normal form
	length uint32 // of the private record
	rev    uint32
}

// rows commits to the first revisions of new items.
func (c *committer) rows(rows []Row, out *output) {
	out.reset()
	for _, row := range rows {
		key, err := rowKey(c.file, row, c.key)
		if err != nil {
			out.err = err
			return
		}
		c.item(key, 0, c.valuesOf(row), out)
	}
}

// valuesOf are the values of the declared fields. They are good until the next row.
func (c *committer) valuesOf(row Row) [][]byte {
	c.values = append(c.values[:0], make([][]byte, len(c.fields))...)
	for _, m := range row.Members {
		if i, ok := c.position[m.Name]; ok {
			c.values[i] = m.Value
		}
	}
	return c.values
}

// item adds an item to out.
func (c *committer) item(key []byte, rev uint32, values [][]byte, out *output) {
	content := keyContent(key)
	c.commitments = c.salts.commit(c.commitments[:0], content, rev, c.fields, values)
	c.buf = appendItem(c.buf[:0], c.commitments)
	start := len(out.records)
	out.records = c.record(out.records, key, rev, values)
	out.items = append(out.items, outputItem{
		leaf:   attest.LeafHash(c.buf),
		order:  c.salts.orderOf(content),
		normal: c.normal.digest(values),
		length: uint32(len(out.records) - start),
		rev:    rev,
	})
}

// record appends the private record of an item.
func (c *committer) record(b []byte, key []byte, rev uint32, values [][]byte) []byte {
	b = append(b, `{"fields":{`...)
	for _, i := range c.written {
		if len(values[i]) == 0 {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(b, c.quoted[i]...), ':')
		b = append(b, values[i]...)
	}
	b = append(b, `},"key":`...)
	b = append(b, key...)
	b = append(b, `,"rev":`...)
	b = strconv.AppendUint(b, uint64(rev), 10)
	return append(b, "}\n"...)
}
