// A link may carry the token behind "#": browsers send that part to no server.
function signIn() {
  const token = decodeURIComponent(location.hash.slice(1));
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("secret").value = token;
  document.getElementById("form").submit();
}

window.addEventListener("hashchange", signIn); // the link was opened where this page is shown
signIn();
