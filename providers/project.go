package providers

import "context"

// ProjectTag is a project as the tags of its resources name it.
type ProjectTag struct {
	ID  string
	Dir string // of the Colabofile; "" where no resource that is left says so
}

// ProjectLister is implemented by providers that find the projects which have anything on them.
type ProjectLister interface {
	// Projects returns every project with at least one resource of any kind (machine, volume, network, image), sorted by
	// id. What all projects share, such as a copy of a box, is nobody's.
	Projects(ctx context.Context) ([]ProjectTag, error)
}
