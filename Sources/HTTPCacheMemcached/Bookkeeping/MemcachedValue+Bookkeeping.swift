//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

extension MemcachedValue {
  init(_ mark: MemcachedMark) { self.init(bytes: Bytes(mark.text), flags: MemcachedFormat.mark) }
  init(_ ledger: InvalidationLedger) { self.init(bytes: Bytes(ledger.text), flags: MemcachedFormat.mark) }
  init(counter: UInt64) { self.init(bytes: Bytes(String(counter)), flags: MemcachedFormat.counter) }
}
