module github.com/dunlin-edge/dunlin/scripts/livetrees

go 1.26.0

// FUSE, to answer reads of sysfs the way a chip would: no client of it is shipped.
require github.com/hanwen/go-fuse/v2 v2.8.0

require github.com/dunlin-edge/dunlin v0.0.0-00010101000000-000000000000

require golang.org/x/sys v0.49.0 // indirect

replace github.com/dunlin-edge/dunlin => ../..
