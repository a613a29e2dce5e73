//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The tags section: each tag as its length (32 bits) and its text.
enum WireTags {
  @inline(__always)
  static func size(of tags: CacheTags?) -> Int {
    guard let tags else { return 0 }
    return tags.names.reduce(0) { $0 + 4 + $1.utf8.count }
  }

  @inline(__always)
  static func write(_ tags: CacheTags?, to writer: inout WireWriter) {
    guard let tags else { return }
    for name in tags.names {
      writer.put(UInt32(truncatingIfNeeded: name.utf8.count))
      writer.put(name)
    }
  }

  @inline(__always)
  static func read(_ section: UnsafeRawBufferPointer) throws(WireFormatError) -> CacheTags? {
    section.isEmpty ? nil : try readSome(section)
  }

  @inline(never)
  private static func readSome(_ section: UnsafeRawBufferPointer) throws(WireFormatError) -> CacheTags {
    var reader = WireReader(section)
    var names: [String] = []
    while !reader.isAtEnd {
      guard let length = reader.number(as: UInt32.self), length > 0, let name = reader.text(Int(length)) else {
        throw .damaged("no tag")
      }
      names.append(name)
    }
    // Each once, as it was written.
    guard let tags = CacheTags(names), tags.names.count == names.count else { throw .damaged("a tag twice") }
    return tags
  }
}
