package libvirt

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/colabo/colabo/providers"
	"github.com/colabo/colabo/providers/libvirt/internal/binding"
)

// volumeOwners lists the machines that have volumes, with the name of one of these.
func (p *provider) volumeOwners(ctx context.Context, conn *binding.Connect) (map[providers.ID]string, error) {
	pool, err := p.existingPool(ctx, conn)
	if pool == nil || err != nil {
		return nil, err
	}
	defer free(pool)
	all, err := volumes(pool)
	if err != nil {
		return nil, err
	}
	defer freeVolumes(all)
	found := map[providers.ID]string{}
	for _, v := range all {
		if id, _, ok := parseVolumeName(v.name); ok {
			found[id] = v.name
		}
	}
	return found, nil
}

func halfMadeStatus(id providers.ID, volumeName string) providers.Status {
	return providers.Status{ID: id, Ref: volumeName, State: providers.Broken, Detail: errHalfMade.Error()}
}

// List returns the project's machines, also half-made ones, sorted by name.
func (p *provider) List(ctx context.Context, project string) ([]providers.Status, error) {
	conn, err := p.connection(ctx)
	if err != nil {
		return nil, err
	}
	// Volumes before domains: a machine that is being made meanwhile is then seen twice rather than never.
	owners, err := p.volumeOwners(ctx, conn)
	if err != nil {
		return nil, err
	}
	var list []providers.Status
	networks := map[string]*network{}
	err = p.eachMachine(ctx, conn, project, func(m *machine) error {
		status, err := p.status(ctx, conn, m)
		if err != nil {
			return err
		}
		n, known := networks[status.Project]
		if !known {
			if n, err = findNetwork(conn, status.Project); err != nil {
				return err
			}
			networks[status.Project] = n
		}
		if n != nil {
			status.Address = n.address(m.mac())
		}
		list = append(list, status)
		delete(owners, status.ID)
		return nil
	})
	for _, n := range networks {
		if n != nil {
			free(n)
		}
	}
	if err != nil {
		return nil, err
	}
	for id, volumeName := range owners {
		if project == "" || id.Project == project {
			list = append(list, halfMadeStatus(id, volumeName))
		}
	}
	slices.SortFunc(list, func(a, b providers.Status) int {
		return cmp.Or(cmp.Compare(a.Machine, b.Machine), cmp.Compare(a.Project, b.Project))
	})
	return list, nil
}

// eachMachine calls do with every domain that carries the project's tag; project "" means those of every project.
func (p *provider) eachMachine(ctx context.Context, conn *binding.Connect, project string, do func(m *machine) error) error {
	domains, err := conn.ListAllDomains(0)
	if err != nil {
		return fmt.Errorf("list domains: %w", err)
	}
	for i := range domains {
		defer free(&domains[i])
	}
	for i := range domains {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := describeMachine(&domains[i])
		if err == nil && m != nil && (project == "" || m.tag().Project == project) {
			err = do(m)
		}
		if err != nil && !binding.HasCode(err, binding.ERR_NO_DOMAIN) { // removed by others meanwhile
			return fmt.Errorf("list domains: %w", err)
		}
	}
	return nil
}
