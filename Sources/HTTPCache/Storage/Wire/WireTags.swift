//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The tags section: each tag as its length (32 bits) and its text.
enum WireTags {
  static func size(of entry: CacheEntry) -> Int { 0 }
  static func write(_ entry: CacheEntry, to writer: inout WireWriter) {}
}
