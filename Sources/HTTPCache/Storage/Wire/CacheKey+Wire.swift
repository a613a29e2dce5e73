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
    var reader = WireReader(section)
    guard let authorityLength = reader.number(as: UInt32.self), let targetLength = reader.number(as: UInt32.self),
      let schemeLength = reader.number(as: UInt16.self), let schemeBytes = reader.take(Int(schemeLength)),
      let authorityBytes = reader.take(Int(authorityLength)), let targetBytes = reader.take(Int(targetLength))
    else { throw .damaged("the key does not fill its section") }
    return Self.isSame(target, targetBytes) && Self.isSame(authority, authorityBytes)
      && Self.isSame(schemeText, schemeBytes) && isVariant(reader.rest)
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
