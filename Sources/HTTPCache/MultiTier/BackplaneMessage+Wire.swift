//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Messages as octets, for backplanes that carry octets:
///
/// | octets | content |
/// |---|---|
/// | 4 | "HCB", and the version of the format: 1 |
/// | 8, 8 | publisher, sequence; little-endian like all numbers |
/// | 1 | kind: 0 heartbeat, 1 doubt, 2 superseded; invalidation by 3 key, 4 any tag, 5 all tags, 6 path prefix, 7 everything |
/// | 1 | mode of the invalidation: 0 hard, 1 soft |
/// | rest | the key as in ``WireFormat``; or tags, each with its length in 4 octets; or the prefix |
extension BackplaneMessage {
  private static let magic: UInt32 = 0x0142_4348
  private static let headSize = 22

  /// The message as octets. An invalidation by a predicate, which is code, becomes a doubt.
  public func encoded() -> Bytes {
    let (kind, mode, payload) = parts
    let size: Int
    switch payload {
    case .none: size = 0
    case .key(let key): size = key.wireSize
    case .names(let names): size = names.reduce(0) { $0 + 4 + $1.utf8.count }
    case .text(let text): size = text.utf8.count
    }
    let total = Self.headSize + size
    return Bytes(
      Array<UInt8>(unsafeUninitializedCapacity: total) { buffer, count in
        guard let base = buffer.baseAddress else { return }
        var writer = WireWriter(UnsafeMutableRawPointer(base), count: total)
        writer.put(Self.magic)
        writer.put(publisher)
        writer.put(sequence)
        writer.put(kind)
        writer.put(mode)
        switch payload {
        case .none: break
        case .key(let key): key.write(to: &writer)
        case .names(let names):
          for name in names {
            writer.put(UInt32(truncatingIfNeeded: name.utf8.count))
            writer.put(name)
          }
        case .text(let text): writer.put(text)
        }
        count = total
      })
  }

  private enum Payload {
    case none
    case key(CacheKey)
    case names([String])
    case text(String)
  }

  private var parts: (kind: UInt8, mode: UInt8, Payload) {
    switch content {
    case .heartbeat: return (0, 0, .none)
    case .doubt: return (1, 0, .none)
    case .superseded(let key): return (2, 0, .key(key))
    case .invalidation(let invalidation):
      let mode: UInt8 = invalidation.mode == .hard ? 0 : 1
      switch invalidation.target {
      case .key(let key): return (3, mode, .key(key))
      case .anyTag(let names): return (4, mode, .names(names))
      case .allTags(let names): return (5, mode, .names(names))
      case .pathPrefix(let prefix): return (6, mode, .text(prefix))
      case .everything: return (7, mode, .none)
      case .matching: return (1, 0, .none)
      }
    }
  }

  /// The message that these octets are; nil when they are none of this version. Whoever gets such has to doubt.
  public init?(encoded: Bytes) {
    let message = encoded.withUnsafeBytes { Self.decoded($0) }
    guard let message else { return nil }
    self = message
  }

  private static func decoded(_ octets: UnsafeRawBufferPointer) -> BackplaneMessage? {
    var reader = WireReader(octets)
    guard reader.number(as: UInt32.self) == magic, let publisher = reader.number(as: UInt64.self),
      let sequence = reader.number(as: UInt64.self), let kind = reader.number(as: UInt8.self),
      let modeCode = reader.number(as: UInt8.self), modeCode <= 1
    else { return nil }
    let mode: CacheInvalidation.Mode = modeCode == 0 ? .hard : .soft
    func invalidation(_ target: CacheInvalidation.Target?) -> Content? {
      target.map { .invalidation(CacheInvalidation($0, mode: mode)) }
    }
    let content: Content?
    switch kind {
    case 0: content = reader.isAtEnd ? .heartbeat : nil
    case 1: content = reader.isAtEnd ? .doubt : nil
    case 2: content = key(&reader).map { .superseded($0) }
    case 3: content = invalidation(key(&reader).map { .key($0) })
    case 4: content = invalidation(names(&reader).map { .anyTag($0) })
    case 5: content = invalidation(names(&reader).map { .allTags($0) })
    case 6: content = invalidation(reader.text(reader.rest.count).map { .pathPrefix($0) })
    case 7: content = reader.isAtEnd ? invalidation(.everything) : nil
    default: content = nil
    }
    return content.map { BackplaneMessage(publisher: publisher, sequence: sequence, content: $0) }
  }

  private static func names(_ reader: inout WireReader) -> [String]? {
    var names: [String] = []
    while !reader.isAtEnd {
      guard let length = reader.number(as: UInt32.self), let name = reader.text(Int(length)) else { return nil }
      names.append(name)
    }
    return names
  }

  private static func key(_ reader: inout WireReader) -> CacheKey? {
    guard let authorityLength = reader.number(as: UInt32.self), let targetLength = reader.number(as: UInt32.self),
      let schemeLength = reader.number(as: UInt16.self), let scheme = reader.text(Int(schemeLength)),
      let authority = reader.text(Int(authorityLength)), let target = reader.text(Int(targetLength)),
      let variant = reader.text(reader.rest.count)
    else { return nil }
    // A key of a user's own making has neither scheme nor authority, and is not empty.
    guard !scheme.isEmpty || (authority.isEmpty && !target.isEmpty) else { return nil }
    let primary = CacheKey(scheme: scheme, authority: authority, target: target)
    if variant.isEmpty { return primary }
    return primary.variant(variant == "\u{1}" ? "" : variant)
  }
}
