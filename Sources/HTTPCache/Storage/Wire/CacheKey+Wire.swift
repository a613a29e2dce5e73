//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The key section: how long the authority (32 bits), the target (32) and the scheme (16) are, then scheme, authority,
/// target and variant. No two keys are written alike, which `text` does not promise of keys of a user's own making.
extension CacheKey {
  private static let wirePrefix = 10

  var wireSize: Int { Self.wirePrefix + byteCount }

  @inline(__always)
  func write(to writer: inout WireWriter) {
    let scheme = schemeText
    writer.put(UInt32(truncatingIfNeeded: authority.utf8.count))
    writer.put(UInt32(truncatingIfNeeded: target.utf8.count))
    writer.put(UInt16(truncatingIfNeeded: scheme.utf8.count))
    writer.put(scheme)
    writer.put(authority)
    writer.put(target)
    if let variant = variantText { writer.put(variant) }
  }

  /// Whether `section` is what this key is written as.
  @inline(__always)
  func isWritten(in section: UnsafeRawBufferPointer) throws(WireFormatError) -> Bool {
    guard section.count >= Self.wirePrefix, let base = section.baseAddress else {
      throw .damaged("the key does not fill its section")
    }
    let authorityLength = Int(UInt32(littleEndian: base.loadUnaligned(as: UInt32.self)))
    let targetLength = Int(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    let schemeLength = Int(UInt16(littleEndian: base.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
    // Three numbers of 32 bits at most: no overflow.
    let authorityStart = Self.wirePrefix &+ schemeLength
    let targetStart = authorityStart &+ authorityLength
    let end = targetStart &+ targetLength
    guard end <= section.count else { throw .damaged("the key does not fill its section") }
    func part(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(start: base + start, count: count)
    }
    return Self.isSame(target, part(targetStart, targetLength))
      && Self.isSame(authority, part(authorityStart, authorityLength))
      && isScheme(part(Self.wirePrefix, schemeLength)) && isVariant(part(end, section.count &- end))
  }

  @inline(__always)
  private func isScheme(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress, scheme == .http || scheme == .https else {
      return Self.isSame(schemeText, bytes)
    }
    // The usual ones begin with the same four octets.
    guard bytes.count == scheme.usualByteCount,
      UInt32(littleEndian: base.loadUnaligned(as: UInt32.self)) == 0x7074_7468
    else { return false }
    return scheme == .http || base.load(fromByteOffset: 4, as: UInt8.self) == UInt8(ascii: "s")
  }

  @inline(__always)
  private func isVariant(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let variant = variantText else { return bytes.isEmpty }
    return Self.isSame(variant, bytes)
  }

  @inline(__always)
  private static func isSame(_ text: String, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard text.utf8.count == bytes.count else { return false }
    let result = text.utf8.withContiguousStorageIfAvailable {
      $0.isEmpty || memcmp($0.baseAddress!, bytes.baseAddress!, $0.count) == 0
    }
    // Strings that are not contiguous come from Objective-C only.
    return result ?? text.utf8.elementsEqual(bytes)
  }
}
