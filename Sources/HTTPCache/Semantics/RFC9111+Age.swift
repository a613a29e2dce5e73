//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// The value of `Age` in seconds (§5.1); nil when there is none that is valid.
  ///
  /// Of a list, in one field or several, the first member counts. One that is not a number is ignored, together with
  /// what follows it: an age cannot be guessed from a field that is already broken.
  static func ageValue(of fields: HeaderFields) -> Int64? {
    fields.withFirstValue(of: .age) { value in
      var members = ListCursor(0..<value.count)
      while let member = members.next(in: value) {
        if !member.range.isEmpty { return FieldSyntax.deltaSeconds(value, member.range) }
      }
      return nil
    } ?? nil
  }

  /// `corrected_initial_age` in nanoseconds (§4.2.3): how old a response was when it was received.
  ///
  /// - Parameter date: What the response has as `Date`, if that is valid.
  static func correctedInitialAge(of fields: HeaderFields, date: UnixTime?, exchange: ExchangeTimes) -> Int64 {
    var apparentAge: Int64 = 0
    if let date {
      // In whole seconds: Date has no others, and the rest of the current second would make every response look older.
      apparentAge = max(0, exchange.receivedUnix.seconds.subtractingSaturated(date.seconds)).secondsAsNanoseconds
    }
    let responseDelay = max(
      0, exchange.receivedAt.nanoseconds.subtractingSaturated(exchange.requestedAt.nanoseconds))
    let ageValue = (ageValue(of: fields) ?? 0).secondsAsNanoseconds
    return max(apparentAge, ageValue.addingSaturated(responseDelay))
  }

  /// The date in the field `known`; nil when it is missing, repeated or invalid.
  static func dateValue(of fields: HeaderFields, known: KnownHeader, now: UnixTime) -> UnixTime? {
    var count = 0
    var date: UnixTime?
    fields.forEachValue(of: known) { value in
      count += 1
      if count == 1 { date = HTTPDate.parse(value, now: now) }
    }
    return count == 1 ? date : nil
  }
}
