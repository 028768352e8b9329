// Package hub compares a model with what others say of its files: the listing of a
// model repository as the Hugging Face Hub's API returns it, Git LFS pointers, lists
// that sha256sum wrote. Nothing of the model is downloaded for that.
//
// It promises to say of every file whether it is the same, differs, is absent, is
// uncovered (listed, and not in the model's package) or cannot be compared, and by
// which hash. It refuses what names a file twice or a path outside the repository.
//
// It leaves open whether the bytes that are served are those that are listed: they
// have not always been (https://github.com/huggingface/huggingface_hub/issues/1445).
// Listings are unsigned: what they say is the word of whoever made them.
//
// A large file of a repository is in Git LFS: its listing holds the SHA-256 of its
// bytes. Any other is listed under the SHA-1 by which git knows it, which is why a
// model's package states both. The formats are those of
// https://huggingface.co/docs/hub/api (models with blobs=true, and trees),
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md and
// https://www.gnu.org/software/coreutils/manual/html_node/sha2-utilities.html.
package hub
