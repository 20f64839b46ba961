package providers

// Problem is one thing wrong with a [machine.X.NAME] or [provider.NAME] block, found before anything is made.
type Problem struct {
	Key  string // the toml key inside the block that it is about, "mounts[1]" for an element of a list
	Text string // what is wrong, one line, no full stop
}

// Validator is implemented by Options and Settings whose values can be wrong in ways that their types don't say.
// Validate reads, and runs nothing.
type Validator interface {
	Validate() []Problem
}
