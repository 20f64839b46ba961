package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/colabo/colabo/internal/hint"
	"github.com/colabo/colabo/internal/state"
	"github.com/colabo/colabo/providers"
)

const (
	// authorizeTimeout is how long a guest may boot until its agent answers.
	authorizeTimeout = 5 * time.Minute
	authorizePause   = 500 * time.Millisecond
)

// adopt takes a machine over whose record and keys were lost with the state folder. What it was made with is read where the provider
// keeps it; what else it was given is not known any more, and its steps run again.
func (r *machineRun) adopt(ctx context.Context) error {
	adopter, ok := providers.As[providers.Adopter](r.provider)
	if !ok {
		return r.notAdopted(errors.New("there is no way into it"))
	}
	return r.engine.stage(ctx, r.want.name, "adopt", func(ctx context.Context, s *stage) error {
		id := r.engine.machineID(r.want.name)
		identity, err := adopter.Identity(ctx, id)
		if err != nil {
			return r.notAdopted(err)
		}
		if identity.User != r.want.config.User {
			return r.notAdopted(fmt.Errorf("its login user is %s", identity.User))
		}
		if err := r.engine.folder.SaveHostKey(r.want.name, identity.HostKey.Private); err != nil {
			return err
		}
		r.record = r.newRecord(identity.InstanceID)
		r.record.Adopting = true // until the guest knows the login key, also for an `up` after this one was killed
		spec, err := r.intend()
		if err != nil {
			return err
		}
		if r.have.status.Digest != spec.Digest {
			r.warn("it was made with another configuration, which is not known any more: what differs is not seen")
		}
		r.adopter, r.record.Made = adopter, true
		s.result = "as it is on " + r.want.provider
		return r.engine.folder.SaveMachine(r.record)
	})
}

// authorize lets colabo's new login key into a machine that was adopted, as soon as its guest agent answers.
func (r *machineRun) authorize(ctx context.Context) error {
	if r.adopter == nil {
		return nil
	}
	login, err := r.engine.folder.LoginKey(r.engine.Project.Name)
	if err != nil {
		return err
	}
	return r.engine.stage(ctx, r.want.name, "authorize", func(ctx context.Context, s *stage) error {
		s.detail("waiting for the guest agent")
		limited, stop := context.WithTimeout(ctx, authorizeTimeout)
		defer stop()
		for {
			err := r.adopter.Authorize(limited, r.engine.machineID(r.want.name), r.want.config.User, login.Public)
			if err == nil {
				r.record.Adopting = false
				return r.engine.folder.SaveMachine(r.record)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-limited.Done():
				return r.notAdopted(err)
			case <-time.After(authorizePause):
			}
		}
	})
}

// notAdopted says that a machine can't be taken over, and why.
func (r *machineRun) notAdopted(err error) error {
	return hint.New(fmt.Errorf("it is there, and the keys to it were lost with the folder %s: %w", state.FolderName, err),
		"`colabo destroy "+r.want.name+"` removes it and the data on it; then `colabo up` makes it anew")
}
