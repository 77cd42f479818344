package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// memory keeps orders on a laptop, until the program ends.
type memory struct {
	mu     sync.Mutex
	orders []order // oldest first
}

func (m *memory) list(_ context.Context, owner string) ([]order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := []order{}
	for _, o := range slices.Backward(m.orders) {
		if o.Owner == owner && len(found) < pageSize {
			found = append(found, o)
		}
	}
	return found, nil
}

func (m *memory) read(_ context.Context, owner, id string) (order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.find(owner, id); i >= 0 {
		return m.orders[i], nil
	}
	return order{}, errNoOrder
}

func (m *memory) add(_ context.Context, o order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.find(o.Owner, o.ID) >= 0 {
		return fmt.Errorf("there is an order %s", o.ID)
	}
	m.orders = append(m.orders, o)
	return nil
}

// find returns where an order is, -1 for nowhere. The caller holds the lock.
func (m *memory) find(owner, id string) int {
	return slices.IndexFunc(m.orders, func(o order) bool { return o.Owner == owner && o.ID == id })
}
