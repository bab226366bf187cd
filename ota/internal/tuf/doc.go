// Package tuf verifies documents of The Update Framework, specification
// 1.0.33: what signs what, versions, expiry and delegations. It has no files,
// no network and no clock.
//
// Start with [NewSet] and its Update methods, in the order of the client
// workflow. A signature is checked over the canonical form of the very members
// that were received, whether this version knows them or not, and a member is
// known by its exact name only. Repeated members, numbers with a fraction and
// text that is not UTF-8 are refused.
package tuf

import "errors"

// Names of the top-level roles.
const (
	RootRole      = "root"
	TimestampRole = "timestamp"
	SnapshotRole  = "snapshot"
	TargetsRole   = "targets"
)

// ErrExpired is wrapped by errors of documents whose time is over.
var ErrExpired = errors.New("expired")

// ErrSameVersion is returned for a timestamp that is the one already held.
var ErrSameVersion = errors.New("the version already held")

func topLevel(role string) bool {
	return role == RootRole || role == TimestampRole || role == SnapshotRole || role == TargetsRole
}
