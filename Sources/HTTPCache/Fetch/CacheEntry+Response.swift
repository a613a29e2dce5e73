//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Entries made of responses.
extension CacheEntry {
  /// A whole response, as it has come.
  convenience init(
    status: Int, body: Bytes, trailers: HeaderFields?, key: CacheKey, storing: StorePlan,
    exchange: ExchangeTimes, tags: CacheTags?
  ) {
    self.init(
      key: key, shortStatus: Int16(clamping: status),
      fields: Self.fields(storing.fields, ofLength: body.count, status: status), body: body,
      trailers: trailers, times: storing.times, traits: storing.traits,
      costInMicroseconds: UInt32(clamping: exchange.originNanoseconds / 1000), tags: tags)
  }

  /// Parts of a response (RFC 9111 §3.3); an ordinary entry when they are all there is.
  convenience init(
    _ content: PartialContent, key: CacheKey, fields: HeaderFields, storing: StorePlan, exchange: ExchangeTimes,
    tags: CacheTags?
  ) {
    let cost = Duration.nanoseconds(exchange.originNanoseconds)
    guard let whole = content.complete else {
      let (fields, body) = content.entry(fields: fields.filter { $0.known != .range })
      self.init(
        key: key, status: 206, fields: fields, body: body, times: storing.times,
        traits: storing.traits.union(.partial), cost: cost, tags: tags)
      return
    }
    var fields = RFC9110.withoutContentFields(fields).filter { $0.known != .range }
    fields.append(KnownHeader.contentLength, String(whole.count))
    self.init(
      key: key, status: 200, fields: fields, body: whole, times: storing.times,
      traits: storing.traits.subtracting(.partial), cost: cost, tags: tags)
  }

  /// The same response with other fields, times and traits, under another key.
  func with(
    key: CacheKey? = nil, fields: HeaderFields? = nil, times: EntryTimes, traits: EntryTraits, tags: CacheTags?
  ) -> CacheEntry {
    CacheEntry(
      key: key ?? self.key, status: status, fields: fields ?? self.fields, body: body, trailers: trailers, times: times,
      traits: traits, cost: cost, tags: tags)
  }

  /// The same response, stale since `moment`: it is to be validated before anybody gets it, unless the origin fails and the
  /// response allows it to be served then.
  func doubted(since moment: CacheInstant) -> CacheEntry {
    var times = times.stale(since: moment)
    times.staleWhileRevalidateUntil = min(times.staleWhileRevalidateUntil, times.freshUntil)
    return with(times: times, traits: traits.union(.mustRevalidate), tags: tags)
  }

  /// The server may have taken the length from the transfer coding; a stored response always knows its own.
  private static func fields(_ fields: HeaderFields, ofLength length: Int, status: Int) -> HeaderFields {
    if status == 204 || RFC9111.isLength(length, of: fields)
      || RFC9111.contentLength(of: fields) == length && !fields.hasRepeated(.contentLength)
    {
      return fields
    }
    var fields = fields
    fields[.contentLength] = String(length)
    return fields
  }
}
