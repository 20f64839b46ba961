package providers

import (
	"context"

	"github.com/colabo/colabo/internal/cloudinit"
)

// Adopter is implemented by providers of machines with cloud-init that can be taken over when the keys to them were lost.
type Adopter interface {
	// Identity reads what the machine was made with, running or not. ErrNotFound.
	Identity(ctx context.Context, id ID) (cloudinit.Identity, error)
	// Authorize lets a user of a running machine log in with one more key, by a way that needs no login. Its error means, as
	// long as the machine may still be booting, that nobody in there answers yet. Idempotent.
	Authorize(ctx context.Context, id ID, user, authorizedKey string) error
}
