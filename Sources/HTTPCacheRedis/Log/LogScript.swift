//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// The script that appends to the log of invalidations, and begins it where there is none that can be used.
enum LogScript {
  /// The log goes if nobody has used it for so long, in milliseconds: a week. Then nothing that was stored is used any more.
  static let lifetime: Int64 = 7 * 86_400_000

  /// Appends records, and returns a page of the log and the identifier of the last record that was appended.
  ///
  /// Numbers are made here rather than by `XADD *`, so that they are above what the caller knows, whatever the clock says, and
  /// always fit ``StreamID``. Their last 14 bits begin at random: a server that has lost its last record, and whose clock is
  /// behind that record, must not give its number to another one, because entries may have it. `redis.call` ends the script with the server's own error where it may not write.
  static let append = RedisScript(
    """
    local log, from, count, damaged, fresh = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
    local identity, position, ms, n
    local last = redis.pcall('XREVRANGE', log, '+', '-', 'COUNT', 1)
    if last.err then
      if not string.find(last.err, 'WRONGTYPE', 1, true) then return last end
    elseif last[1] then
      local a, b = string.match(last[1][1], '^(%d+)-(%d+)$')
      local fields = last[1][2]
      ms, n = tonumber(a), tonumber(b)
      if #fields == 2 and fields[1] == 'r' and #fields[2] >= 19 and ms < 17592186044000 and n < 1048576 then
        identity, position = string.sub(fields[2], 1, 8), struct.unpack('>I8', fields[2], 9)
        if position >= 4503599627370496 then identity = nil end
      end
      if identity and damaged ~= '' and #redis.call('XRANGE', log, damaged, damaged) > 0 then identity = nil end
    end
    local isNew = not identity
    if isNew then
      redis.call('UNLINK', log)
      identity, position, ms, n = fresh, 0, 0, 0
    end
    local aboveMs, aboveN = tonumber(ARGV[5]), tonumber(ARGV[6])
    if aboveMs < 17592186044000 and (aboveMs > ms or aboveMs == ms and aboveN > n) then ms, n = aboveMs, aboveN end
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    local salt = struct.unpack('>I2', fresh) % 16384
    local written = ''
    local function add(payload)
      if now > ms then ms, n = now, salt else n = n + 1 + salt end
      salt = 0
      if n >= 1048576 then ms, n = ms + 1, 0 end
      position = position + 1
      written = string.format('%.0f-%.0f', ms, n)
      redis.call('XADD', log, 'MAXLEN', '~', ARGV[7], written, 'r', identity .. struct.pack('>I8', position) .. payload)
    end
    if isNew then add('1oh') end
    for index = 9, #ARGV do add(ARGV[index]) end
    if isNew or #ARGV > 8 then redis.call('PEXPIRE', log, ARGV[8]) end
    return {redis.call('XRANGE', log, from, '+', 'COUNT', count), written}
    """)

  /// The arguments of ``append``.
  ///
  /// - Parameters:
  ///   - payloads: What stands behind identity and position in the new records.
  ///   - position: The last record that the caller knows, where the page begins.
  ///   - count: How many records the page may have.
  ///   - damaged: The identifier of a record for whose sake the log is begun anew, if it is still there.
  ///   - bound: The number that the new ones are to be above.
  ///   - length: How many records are kept, about.
  static func arguments(
    _ payloads: [Bytes], from position: LogFollower.Position?, count: Int, damaged: Bytes = Bytes(),
    above bound: StreamID,
    length: Int
  ) -> [RedisCommand.Argument] {
    // No log has had this identity before.
    let fresh = withUnsafeBytes(of: UInt64.random(in: .min ... .max)) { Bytes(copying: $0) }
    return [
      .text(position?.record.id.text ?? "+"), .integer(Int64(count)), .bytes(damaged), .bytes(fresh),
      .integer(bound.milliseconds), .integer(Int64(bound.number & 0xF_FFFF)), .integer(Int64(length)),
      .integer(lifetime),
    ] + payloads.map { .bytes($0) }
  }
}
