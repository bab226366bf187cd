// Package capture keeps recorded windows of a pipeline as files: named by their
// SHA-256, bounded in number and bytes, encrypted where a key is given, and
// erased by age, id or subject with a receipt.
//
// Start with [New] and [Store.Add]; [Decode] reads a file back.
//
// Caveats:
//   - What a capture holds of a person is theirs: nothing is captured unless
//     somebody asked for it, see PRIVACY.md.
//   - A file's age is that of the time in its name, by the device's clock then. A
//     clock that was behind makes it go earlier, never later.
//   - Erased bytes may stay in flash until it uses their blocks again. With a key,
//     erasing the key erases all captures for good.
package capture
