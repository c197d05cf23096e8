-- wrk: a POST of so many bytes with so many more fields than usual.
function init(args)
  wrk.method = "POST"
  wrk.body = string.rep("x", tonumber(args[1]))
  for i = 1, tonumber(args[2]) do
    wrk.headers["x-field-" .. i] = "value " .. i
  end
end
