package model

import "fmt"

const (
	// maxTensors is more than twice as many as the largest models have: 61 layers of 384
	// experts, each of three matrices in three tensors, are 211 thousand.
	maxTensors = 1 << 19

	// maxNames bounds the names and shapes of all tensors together, in bytes.
	maxNames = 48 << 20
)

// room is what is left for the tensors of one model in memory. The sizes of files do
// not bound it: a header of a hundred megabytes can list two million tensors without a
// byte, and a directory can hold many.
type room struct {
	tensors int
	names   int
}

func (r *room) take(t Tensor) error {
	r.tensors++
	r.names += len(t.Name) + 8*len(t.Shape)
	if r.tensors > maxTensors {
		return fmt.Errorf("more than %d tensors", maxTensors)
	}
	if r.names > maxNames {
		return fmt.Errorf("names and shapes of tensors of more than %d bytes", maxNames)
	}
	return nil
}
