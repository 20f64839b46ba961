package ui

// Flatten returns the errors that were joined, each on its own; an error that was not joined is returned alone.
func Flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, Flatten(one)...)
	}
	return all
}
